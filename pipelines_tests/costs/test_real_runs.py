"""Usage of a real local workspace: runs that succeed, fail, are cancelled, skipped, or still run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service import jobs

from pipelines.costs.remote_runs import RemoteRun, run_of, runs_since
from pipelines.costs.report import report_rows, write_report
from pipelines.costs.usage import record_usage, usage_contract
from pipelines.customers.onboarding import onboard
from pipelines.databricks.tags import description, remote_tags
from pipelines.engines.engine import Engine
from pipelines.environments import settings_from
from pipelines.local.lifecycle import down
from pipelines.local.settings import LocalSettings, admin_name
from pipelines_tests.local.conftest import client, client_with, local_settings, put_code, wait_for
from pipelines_tests.local.warm_clusters import started_cluster

SETTINGS = settings_from({"PIPELINES_HOME": "/nowhere"}, "production")
ENDING, FAILING, LASTING = "print('done')", "raise SystemExit(3)", "import time; time.sleep(120)"


class Workspace:
    """A production workspace with a warm cluster, and what was submitted to it."""

    def __init__(self, settings: LocalSettings, workspace: WorkspaceClient, cluster: str) -> None:
        self.client = workspace
        self.cluster = cluster
        self.administrator = client(settings, "production", admin_name("production"))

    def person(self, name: str) -> WorkspaceClient:
        """A new service principal, which may attach to the cluster."""
        identity = self.administrator.service_principals.create(display_name=name).application_id or ""
        token = self.administrator.token_management.create_obo_token(identity).token_value
        attach = {"service_principal_name": identity, "permission_level": "CAN_ATTACH_TO"}
        path = f"/api/2.0/permissions/clusters/{self.cluster}"
        self.administrator.api_client.do("PATCH", path, body={"access_control_list": [attach]})
        return client_with(self.administrator.config.host or "", token or "")

    def task(self, code: str, **tags: str) -> jobs.SubmitTask:
        """A task with the description that the launcher gives it."""
        step = {f"pipelines/{name}": value for name, value in tags.items() if name != "size"}
        paying = {"environment": "production", "cost_center": "cc-9", "size": tags.get("size", "standard")}
        text = description(remote_tags(paying, step, "dagster-run", "analyze", "step"))
        python = jobs.SparkPythonTask(python_file=put_code(self.client, code))
        return jobs.SubmitTask(
            task_key="only", existing_cluster_id=self.cluster, spark_python_task=python, description=text
        )

    def submit(self, code: str, **tags: str) -> int:
        return self.client.jobs.submit(run_name="test", tasks=[self.task(code, **tags)]).response.run_id

    def begun(self, run_id: int) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self.client.jobs.get_run(run_id).state.life_cycle_state.value == "RUNNING":  # type: ignore[union-attr]
                return
            time.sleep(0.05)
        raise AssertionError(f"run {run_id} did not begin")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    settings = local_settings(tmp_path_factory.mktemp("costs"), preload=("json",))
    found = client(settings, "production")
    yield Workspace(settings, found, started_cluster(found, {"databricks.local.engine": "none"}))
    for name in settings.workspaces:
        down(settings, name)


def _rows(engine: Engine) -> dict[int, dict[str, Any]]:
    rows = engine.table(usage_contract(SETTINGS).name).toArrow().to_pylist()
    found = {row["remote_run_id"]: row for row in rows}
    assert len(found) == len(rows), "a run has two rows"
    return found


def test_every_run_has_one_row_whatever_became_of_it(workspace: Workspace, engine: Engine, tmp_path: Path):
    onboard(engine, "acme", {"cost_center": "cc-acme"}, tmp_path / "acme", "ada")
    done = workspace.submit(ENDING, customer="acme", model="upset_detector", size="large")
    failed = workspace.submit(FAILING, model="upset_detector")
    untagged = workspace.client.jobs.submit(
        run_name="by hand",
        tasks=[
            jobs.SubmitTask(
                task_key="only",
                existing_cluster_id=workspace.cluster,
                spark_python_task=jobs.SparkPythonTask(python_file=put_code(workspace.client, ENDING)),
            )
        ],
    ).response.run_id
    lasting, cancelled = workspace.submit(LASTING, customer="birch"), workspace.submit(LASTING)
    for run_id in (lasting, cancelled):
        workspace.begun(run_id)
    workspace.client.jobs.cancel_run(cancelled)
    for run_id in (done, failed, untagged, cancelled):
        wait_for(workspace.client, run_id)

    report = record_usage(engine, workspace.client, SETTINGS)
    rows = _rows(engine)
    mine = {run_id: rows[run_id] for run_id in (done, failed, untagged, lasting, cancelled)}
    assert [row["result"] for row in mine.values()] == ["success", "failed", "success", "running", "canceled"]
    assert [row["purpose"] for row in mine.values()] == [
        "inference", "release", "operations", "inference", "operations",
    ]  # fmt: skip
    assert [row["customer"] for row in mine.values()] == ["acme", None, None, "birch", None]
    assert [row["cost_center"] for row in mine.values()] == ["cc-acme", "cc-9", "untagged", "cc-9", "cc-9"], (
        "a customer's runs are paid by what was agreed with it"
    )
    assert mine[done]["size_class"] == "large"
    for run_id, row in mine.items():
        run = workspace.client.jobs.get_run(run_id)
        if row["result"] != "running":
            assert row["duration_s"] == (run.end_time - run.start_time) / 1000  # type: ignore[operator]
            assert row["cost_usd"] == pytest.approx(row["duration_s"] * row["rate_usd_per_hour"] / 3600, abs=1e-6)
    assert report.new == len(rows)
    assert report.running == 1

    again = record_usage(engine, workspace.client, SETTINGS)
    assert (again.new, again.ended, again.running) == (0, 0, 1)
    assert {key: row for key, row in _rows(engine).items() if key != lasting} == {
        key: row for key, row in rows.items() if key != lasting
    }, "rows of runs that have ended are not written again"

    workspace.client.jobs.cancel_run(lasting)
    wait_for(workspace.client, lasting)
    ended = record_usage(engine, workspace.client, SETTINGS)
    assert (ended.new, ended.ended, ended.running) == (0, 1, 0)
    last = _rows(engine)[lasting]
    assert last["result"] == "canceled"
    assert last["duration_s"] >= mine[lasting]["duration_s"]

    (month,) = write_report(engine, SETTINGS)
    shown = report_rows(engine, SETTINGS)
    assert sum(row["runs"] for row in shown) == len(_rows(engine))
    assert sum(round(row["cost_usd"] * 100) for row in shown) == month.cost_cents


def test_tags_are_believed_of_the_pipelines_own_runs_alone(workspace: Workspace, engine: Engine, tmp_path: Path):
    for customer in ("acme", "birch"):
        onboard(engine, customer, {"cost_center": f"cc-{customer}"}, tmp_path / customer, "ada")
    acme, stranger = workspace.person("pipelines-customer-acme"), workspace.person("stranger")
    pipelines = workspace.administrator  # sees everybody's runs, as a principal does that was given CAN_VIEW on them
    own = pipelines.jobs.create(
        name="analyze-acme",
        tasks=[jobs.Task.from_dict(workspace.task(ENDING, customer="acme", size="large").as_dict())],
    ).job_id
    assert own is not None
    starts = {
        "service_principal_name": acme.current_user.me().user_name,
        "permission_level": "CAN_MANAGE_RUN",
    }
    path = f"/api/2.0/permissions/jobs/{own}"
    pipelines.api_client.do("PATCH", path, body={"access_control_list": [starts]})
    # A job of the name alone makes nobody a customer.
    stranger.jobs.create(name="analyze-birch", tasks=[jobs.Task.from_dict(workspace.task(ENDING).as_dict())])
    claims = [workspace.task(ENDING, customer="birch", size="large", purpose="training")]
    forged = acme.jobs.submit(run_name="x", tasks=claims).response.run_id
    of_stranger = stranger.jobs.submit(run_name="x", tasks=claims).response.run_id
    started = acme.jobs.run_now(own).response.run_id
    truth = workspace.task(ENDING, customer="birch", size="large")
    believed = pipelines.jobs.submit(run_name="x", tasks=[truth]).response.run_id
    for run_id in (forged, of_stranger, started, believed):
        wait_for(pipelines, run_id)

    record_usage(engine, pipelines, SETTINGS)
    rows = _rows(engine)
    told = ("customer", "cost_center", "purpose", "size_class")
    assert {name: [rows[run][name] for run in (forged, of_stranger, started, believed)] for name in told} == {
        "customer": ["acme", None, "acme", "birch"],
        "cost_center": ["cc-acme", "untagged", "cc-acme", "cc-birch"],
        "purpose": ["inference", "operations", "inference", "inference"],
        "size_class": ["standard", "standard", "large", "large"],
    }


def test_a_running_row_is_looked_after_although_newer_runs_came_and_one_that_vanished_is_lost(
    workspace: Workspace, engine: Engine
):
    contract = usage_contract(SETTINGS)
    lasting = workspace.submit(LASTING)
    workspace.begun(lasting)
    record_usage(engine, workspace.client, SETTINGS)
    # As if it had begun long before the newest one, and as if the workspace had forgotten another.
    engine.spark.sql(
        f"UPDATE {contract.name} SET started_at = started_at - INTERVAL 3 DAYS WHERE remote_run_id = {lasting}"
    )
    engine.spark.sql(f"UPDATE {contract.name} SET result = 'running' WHERE remote_run_id <> {lasting}")
    gone = 987654321
    engine.spark.sql(
        f"UPDATE {contract.name} SET remote_run_id = {gone}, started_at = started_at - INTERVAL 3 DAYS "
        f"WHERE remote_run_id = (SELECT MIN(remote_run_id) FROM {contract.name})"
    )
    workspace.client.jobs.cancel_run(lasting)
    wait_for(workspace.client, lasting)
    record_usage(engine, workspace.client, SETTINGS)
    rows = _rows(engine)
    assert rows[lasting]["result"] == "canceled"
    assert rows[gone]["result"] == "lost"
    assert rows[gone]["cost_usd"] >= 0


def test_more_runs_than_a_page_holds_are_read_and_then_only_the_new_ones(workspace: Workspace, engine: Engine):
    busy = workspace.client.jobs.create(
        name="one at a time",
        max_concurrent_runs=1,
        tasks=[jobs.Task.from_dict(workspace.task(LASTING, customer="acme").as_dict())],
    ).job_id
    assert busy is not None
    first = workspace.client.jobs.run_now(busy).response.run_id
    skipped = [workspace.client.jobs.run_now(busy).response.run_id for _ in range(60)]
    began = datetime.now(UTC)
    assert record_usage(engine, workspace.client, SETTINGS).new >= 60
    rows = _rows(engine)
    assert {rows[run_id]["result"] for run_id in skipped} == {"failed"}
    assert max(rows[run_id]["duration_s"] for run_id in skipped) < 0.1
    assert {rows[run_id]["customer"] for run_id in [first, *skipped]} == {"acme"}
    later = began + timedelta(days=1)
    assert list(runs_since(workspace.client, later)) == []
    workspace.client.jobs.cancel_run(first)
    wait_for(workspace.client, first)
    found = run_of(workspace.client, first)
    assert isinstance(found, RemoteRun)
    assert found.result == "canceled"
    assert run_of(workspace.client, 987654321) is None
