"""A warm cluster that is up, for tests and benchmarks that do not want to wait for one."""

from __future__ import annotations

import time

from databricks.sdk import WorkspaceClient


def started_cluster(workspace: WorkspaceClient, spark_conf: dict[str, str] | None = None, limit_s: float = 180) -> str:
    """Make an existing cluster and wait until it runs, more often asking than the SDK's waiter does; its id.

    Raises:
        AssertionError: it does not run within the limit.
    """
    created = workspace.clusters.create(
        spark_version="16.4.x-scala2.12", num_workers=0, cluster_name="warm", spark_conf=spark_conf
    )
    cluster_id = created.response.cluster_id
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        state = workspace.clusters.get(cluster_id).state
        if state is not None and state.value == "RUNNING":
            return cluster_id
        time.sleep(0.1)
    raise AssertionError(f"cluster {cluster_id} did not start within {limit_s:.0f} s")
