"""What happens to a running site: a workspace that loses runs, a remote that hangs, gold that is taken back, time."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dagster import DagsterInstance, DagsterRun
from dagster._core.storage.runs import SqlRunStorage
from dagster._core.storage.runs.schema import RunsTable
from deltalake import DeltaTable

from pipelines.embedded import local_settings
from pipelines.settings import Settings
from pipelines_tests.local.conftest import call_local

CLUSTER_LOST = "Cluster was terminated. Reason: SPOT_INSTANCE_TERMINATION"


@contextmanager
def lost_clusters(settings: Settings) -> Iterator[None]:
    """Whatever is run in the location's workspace, Databricks says that its cluster is gone, until the block ends."""
    state = {"life_cycle_state": "INTERNAL_ERROR", "result_state": "FAILED", "state_message": CLUSTER_LOST}
    answer = json.dumps({"run_id": 1, "state": state, "run_page_url": "http://127.0.0.1/run"})
    fault = {"path": r"/api/2\.\d/jobs/runs/get", "action": "respond", "status": 200, "body": answer, "times": -1}
    local = local_settings(settings)
    call_local(local, settings.location, "POST", "/local/faults", fault)
    try:
        yield
    finally:
        call_local(local, settings.location, "DELETE", "/local/faults")


@contextmanager
def hanging_remote(bare: Path) -> Iterator[None]:
    """As on a file server that is stuck: whoever reads the repository's list of branches waits for ever."""
    packed = bare / "packed-refs"
    kept = packed.read_bytes() if packed.exists() else None
    packed.unlink(missing_ok=True)
    os.mkfifo(packed)
    try:
        yield
    finally:
        packed.unlink()
        if kept is not None:
            packed.write_bytes(kept)


def let_time_pass(instance: DagsterInstance, run: DagsterRun, seconds: float) -> None:
    """The run ended that much earlier, as far as Dagster remembers."""
    storage = instance.run_storage
    assert isinstance(storage, SqlRunStorage)
    with storage.connect() as connection:
        earlier = RunsTable.update().where(RunsTable.c.run_id == run.run_id)
        connection.execute(earlier.values(end_time=RunsTable.c.end_time - seconds))


def restored_gold(settings: Settings, table: str) -> tuple[int, int]:
    """Somebody restores a table of gold to the version before its newest; the newest before, and now."""
    gold = DeltaTable(str(settings.tables / "main" / "gold" / table))
    newest = gold.version()
    gold.restore(newest - 1)
    return newest, DeltaTable(gold.table_uri).version()
