"""What a task is given and what it is not: code, environment, secrets, paths, and the machine around it."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service import compute, jobs
from databricks.sdk.service.catalog import VolumeType

from pipelines.local.lifecycle import connection
from pipelines.local.settings import LocalSettings
from pipelines_tests.local.conftest import PROJECT, run_code, wait_for

SUCCESS = ("TERMINATED", "SUCCESS")
FAILED = ("TERMINATED", "FAILED")


def test_parameters_streams_and_exit(development: WorkspaceClient, development_cluster: str) -> None:
    code = """
        import sys
        print("got", sys.argv[1:])
        print("to stderr", file=sys.stderr)
        assert __name__ == "__main__"
    """
    done = run_code(development, code, development_cluster, parameters=["a b", "{{task.name}}"])
    assert done.state == SUCCESS
    assert "got ['a b', 'only']" in done.logs
    assert "to stderr" in done.logs
    assert done.error is None
    assert done.run.tasks is not None
    assert done.run.tasks[0].cluster_instance is not None
    assert done.run.tasks[0].cluster_instance.cluster_id == development_cluster


def test_exception_is_the_runs_message(development: WorkspaceClient, development_cluster: str) -> None:
    done = run_code(development, "raise ValueError('no fuel')", development_cluster)
    assert done.state == FAILED
    assert done.error == "ValueError: no fuel"
    assert "Traceback" in done.logs
    assert done.run.state is not None
    assert "no fuel" in (done.run.state.state_message or "")


@pytest.mark.parametrize(("code", "state"), [("0", SUCCESS), ("3", FAILED), ("'text'", FAILED)])
def test_exit_code(development: WorkspaceClient, development_cluster: str, code: str, state: tuple[str, str]) -> None:
    assert run_code(development, f"import sys; sys.exit({code})", development_cluster).state == state


def test_killed_process_fails_with_its_signal(development: WorkspaceClient, development_cluster: str) -> None:
    done = run_code(development, "import os; print('before'); os.kill(os.getpid(), 9)", development_cluster)
    assert done.state == FAILED
    assert "signal 9" in (done.error or "")
    assert "before" in done.logs


def test_missing_file_is_named(development: WorkspaceClient, development_cluster: str) -> None:
    task = jobs.SubmitTask(
        task_key="only",
        existing_cluster_id=development_cluster,
        spark_python_task=jobs.SparkPythonTask(python_file="dbfs:/nowhere.py"),
    )
    done = wait_for(development, development.jobs.submit(tasks=[task]).response.run_id)
    assert done.state == ("INTERNAL_ERROR", "FAILED")
    assert "dbfs:/nowhere.py" in (done.error or "")


def test_working_tree_cannot_be_imported_or_seen(
    development: WorkspaceClient, development_cluster: str, settings: LocalSettings
) -> None:
    code = f"""
        import os, sys
        for attempt in (lambda: __import__("pipelines"), lambda: __import__("pipelines_tests")):
            try:
                print("LEAK", attempt().__file__)
            except ModuleNotFoundError as error:
                print("refused", error)
        sys.path.insert(0, {str(PROJECT)!r})
        try:
            import pipelines.local.settings as found
            print("LEAK", found.__file__)
        except ModuleNotFoundError as error:
            print("refused", error)
        print("tree", os.listdir({str(PROJECT / "pipelines")!r}))
        print("state", sorted(os.listdir({str(settings.home)!r})))
        print("variables", sorted(os.environ))
    """
    done = run_code(development, code, development_cluster)
    assert done.state == SUCCESS
    assert "LEAK" not in done.logs
    assert done.logs.count("refused") == 3
    assert "tree []" in done.logs
    state = next(line for line in done.logs.splitlines() if line.startswith("state "))
    assert state == "state ['development']"
    assert not {"PYTHONPATH", "PYTEST_CURRENT_TEST", "DATABRICKS_TOKEN"} & set(eval(done.logs.split("variables ")[1]))


def test_paths_of_databricks(development: WorkspaceClient, development_cluster: str) -> None:
    development.volumes.create("dev", "default", "paths", VolumeType.MANAGED)
    development.files.upload("/Volumes/dev/default/paths/in.txt", io.BytesIO(b"from the volume"))
    development.workspace.upload("/Shared/in.txt", io.BytesIO(b"from the workspace"))
    development.dbfs.put("/paths/in.txt", contents=base64.b64encode(b"from dbfs").decode())
    code = """
        from pathlib import Path
        print(Path("/Volumes/dev/default/paths/in.txt").read_text())
        print(Path("/Workspace/Shared/in.txt").read_text())
        print(Path("/dbfs/paths/in.txt").read_text())
        Path("/Volumes/dev/default/paths/out.txt").write_text("written by the task")
        Path("/dbfs/paths/out.txt").write_text("written by the task")
        names = [entry.name for entry in dbutils.fs.ls("/Volumes/dev/default/paths")]
        print(dbutils.fs.head("dbfs:/paths/in.txt"), names)
        print(spark.read.text("file:///Volumes/dev/default/paths/in.txt").collect()[0].value)
    """
    done = run_code(development, code, development_cluster)
    assert done.state == SUCCESS, done.logs
    assert done.logs.splitlines() == [
        "from the volume",
        "from the workspace",
        "from dbfs",
        "from dbfs ['in.txt', 'out.txt']",
        "from the volume",
    ]
    written = development.files.download("/Volumes/dev/default/paths/out.txt").contents
    assert written is not None
    assert written.read() == b"written by the task"
    assert development.dbfs.download("/paths/out.txt").read() == b"written by the task"


def test_secret_reference_is_resolved_only_in_the_task(development: WorkspaceClient, settings: LocalSettings) -> None:
    planted = "planted-7f3a9c"
    development.secrets.create_scope("tasks")
    development.secrets.put_secret("tasks", "key", string_value=planted)
    cluster = compute.ClusterSpec(
        spark_version="16.4.x-scala2.12",
        num_workers=0,
        spark_env_vars={"FROM_SECRET": "{{secrets/tasks/key}}", "PLAIN": "text"},
    )
    code = f"""
        import hashlib, os
        from pathlib import Path
        value = os.environ["FROM_SECRET"]
        print("digest", hashlib.sha256(value.encode()).hexdigest(), os.environ["PLAIN"])
        print("same", dbutils.secrets.get("tasks", "key") == value)
        print("leaked into the log:", value)
        arguments = []
        for name in os.listdir("/proc"):
            try:
                arguments.append(Path("/proc", name, "cmdline").read_bytes())
            except OSError:
                pass
        print("in arguments", any(b"{planted[:7]}-7f" in line for line in arguments))
    """
    done = run_code(development, code, None, new_cluster=cluster)
    assert done.state == SUCCESS, done.logs
    import hashlib

    assert f"digest {hashlib.sha256(planted.encode()).hexdigest()} text" in done.logs
    assert "same True" in done.logs
    assert "in arguments False" in done.logs
    assert "leaked into the log: [REDACTED]" in done.logs
    assert planted not in str(development.jobs.get_run(done.run.run_id or 0).as_dict())


def test_secret_without_permission_fails_the_task(development: WorkspaceClient, administrator: WorkspaceClient) -> None:
    administrator.secrets.create_scope("locked")
    administrator.secrets.put_secret("locked", "key", string_value="x" * 8)
    cluster = compute.ClusterSpec(
        spark_version="16.4.x-scala2.12", num_workers=0, spark_env_vars={"S": "{{secrets/locked/key}}"}
    )
    done = run_code(development, "print(1)", None, new_cluster=cluster)
    assert done.state == FAILED
    assert "does not have READ permission on scope locked" in (done.error or "")


def test_task_leaves_no_process(development: WorkspaceClient, development_cluster: str) -> None:
    code = """
        import subprocess, sys
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        print(child.pid)
    """
    done = run_code(development, code, development_cluster)
    assert done.state == SUCCESS
    process = Path("/proc") / done.logs.strip() / "stat"
    assert not process.exists() or process.read_text().split()[2] == "Z"


def test_task_cannot_reach_the_servers_own_files(
    development: WorkspaceClient, development_cluster: str, settings: LocalSettings
) -> None:
    tokens = settings.workspace_folder("development") / "tokens.json"
    assert connection(settings, "development").token in tokens.read_text()
    assert tokens.stat().st_mode & 0o077 == 0
    done = run_code(development, f"print(open({str(tokens)!r}).read())", development_cluster)
    assert done.state == FAILED
    assert "FileNotFoundError" in (done.error or "")
