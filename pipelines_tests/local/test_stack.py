"""The stack that a step needs: made sure of by many at once, once, and cheaply ever after."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service import jobs

from pipelines.local.lifecycle import down, status
from pipelines.local.settings import LocalSettings, to_json
from pipelines.local.stack import CLUSTER_NAME, StackConnection, ensure_stack
from pipelines_tests.local.conftest import call_local, client_with, local_settings, put_code, run_code, wait_for
from pipelines_tests.local.test_lifecycle import kill


@pytest.fixture
def own(tmp_path: Path) -> Iterator[LocalSettings]:
    """Settings of workspaces that one test starts, kills and stops as it likes; their clusters import nothing."""
    settings = local_settings(tmp_path, preload=())
    yield settings
    for workspace in settings.workspaces:
        down(settings, workspace)


def client_of(found: StackConnection) -> WorkspaceClient:
    return client_with(found.host, found.token)


def make_schema(client: WorkspaceClient) -> None:
    """A preparation that could not be done twice."""
    client.schemas.create("prepared", "main")


def test_many_processes_end_with_one_server_and_one_cluster(own: LocalSettings, tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text(to_json(own))
    code = f"""
from pathlib import Path
from pipelines.local.settings import from_json
from pipelines.local.stack import ensure_stack
from pipelines_tests.local.test_stack import make_schema
found = ensure_stack(from_json(Path({str(tmp_path / "settings.json")!r}).read_text()), "development", make_schema, "1")
print(found.host, found.cluster_id, found.principal)
"""
    processes = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    answers = {process.communicate(timeout=120)[0] for process in processes}
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert len(answers) == 1
    host, cluster_id, principal = answers.pop().split()
    assert principal == "pipelines-development"
    assert host == status(own, "development").host
    assert status(own, "production").running is False
    found = ensure_stack(own, "development")
    clusters = list(client_of(found).clusters.list())
    assert [(entry.cluster_id, entry.cluster_name) for entry in clusters] == [(cluster_id, CLUSTER_NAME)]
    done = run_code(client_of(found), "print('ran')", found.cluster_id)
    assert (done.state, done.logs) == (("TERMINATED", "SUCCESS"), "ran\n")


def test_preparation_is_done_once_for_each_digest(own: LocalSettings) -> None:
    done: list[str] = []

    def prepare(digest: str) -> StackConnection:
        return ensure_stack(own, "development", lambda client: done.append(f"{digest} {client.config.host}"), digest)

    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(prepare, ["1", "1", "1"]))
    prepare("1")
    assert done == [f"1 {found[0].host}"]
    prepare("2")
    prepare("2")
    assert done == [f"1 {found[0].host}", f"2 {found[0].host}"]


def test_failed_preparation_is_done_again(own: LocalSettings) -> None:
    def refuse(client: WorkspaceClient) -> None:
        raise RuntimeError("no bootstrap")

    with pytest.raises(RuntimeError, match="no bootstrap"):
        ensure_stack(own, "development", refuse, "1")
    found = ensure_stack(own, "development", make_schema, "1")
    assert client_of(found).schemas.get("main.prepared").name == "prepared"


def test_costs_one_request_when_all_is_there(own: LocalSettings) -> None:
    first = ensure_stack(own, "development", make_schema, "1")
    call_local(own, "development", "DELETE", "/local/requests")
    began = time.perf_counter()
    for _ in range(20):
        assert ensure_stack(own, "development", make_schema, "1") == first
    mean_s = (time.perf_counter() - began) / 20
    requests = call_local(own, "development", "GET", "/local/requests")["requests"]
    assert [entry["path"] for entry in requests] == ["/api/2.1/clusters/get"] * 20
    assert mean_s < 0.1


def test_imports_neither_the_sdk_nor_a_web_framework() -> None:
    code = "import sys, pipelines.local.stack; print([n for n in ('databricks', 'starlette') if n in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_comes_back_after_everything_was_lost(own: LocalSettings) -> None:
    first = ensure_stack(own, "development", make_schema, "1")
    kill(status(own, "development").pid)
    second = ensure_stack(own, "development", make_schema, "1")
    assert second == first
    client = client_of(second)
    assert client.clusters.get(second.cluster_id).state is not None
    client.clusters.delete(second.cluster_id)
    assert ensure_stack(own, "development") == first
    state = client.clusters.get(second.cluster_id).state
    assert state is not None
    assert state.value in ("PENDING", "RUNNING")
    client.clusters.permanent_delete(second.cluster_id)
    third = ensure_stack(own, "development")
    assert third.cluster_id != first.cluster_id
    assert run_code(client, "print(1)", third.cluster_id).state == ("TERMINATED", "SUCCESS")


def test_changed_settings_start_an_idle_server_anew(own: LocalSettings) -> None:
    first = ensure_stack(own, "development")
    before = status(own, "development").pid
    changed = own.with_changes(environment={"ADDED": "to every task"})
    second = ensure_stack(changed, "development")
    assert status(own, "development").pid != before
    assert second == first
    code = "import os; print(os.environ['ADDED'])"
    done = run_code(client_of(second), code, second.cluster_id)
    assert done.logs.strip() == "to every task"

    # A run that is active is not ended for it; afterwards the server is.
    task = jobs.SubmitTask(
        task_key="a",
        existing_cluster_id=second.cluster_id,
        spark_python_task=jobs.SparkPythonTask(python_file=put_code(client_of(second), "import time; time.sleep(600)")),
    )
    run_id = client_of(second).jobs.submit(tasks=[task]).response.run_id
    before = status(own, "development").pid
    again = changed.with_changes(environment={"ADDED": "later"})
    assert ensure_stack(again, "development") == first
    assert status(own, "development").pid == before
    client_of(second).jobs.cancel_run(run_id)
    wait_for(client_of(second), run_id)
    assert ensure_stack(again, "development") == first
    assert run_code(client_of(second), code, second.cluster_id).logs.strip() == "later"
