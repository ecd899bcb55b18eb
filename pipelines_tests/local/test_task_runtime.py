"""What Databricks' runtime gives to code that asks for it: credentials, `dbutils`, and who it is."""

from __future__ import annotations

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import PermissionDenied
from databricks.sdk.service import compute

from pipelines.local import lifecycle
from pipelines.local.settings import LocalSettings
from pipelines_tests.local.conftest import client_with, run_code

SUCCESS = ("TERMINATED", "SUCCESS")


def test_clients_without_arguments(
    development: WorkspaceClient, development_cluster: str, production: WorkspaceClient, production_cluster: str
) -> None:
    code = """
        import os
        from databricks.sdk import WorkspaceClient
        client = WorkspaceClient()
        print(client.current_user.me().display_name, client.config.auth_type, client.config.host)
        print(os.environ["DATABRICKS_RUNTIME_VERSION"], "DATABRICKS_TOKEN" in os.environ)
    """
    for workspace, cluster in ((development, development_cluster), (production, production_cluster)):
        done = run_code(workspace, code, cluster)
        assert done.state == SUCCESS, done.logs
        name = workspace.current_user.me().display_name
        assert done.logs.splitlines() == [f"{name} runtime {workspace.config.host}", "16.4 False"]


def test_every_way_to_dbutils(development: WorkspaceClient, development_cluster: str) -> None:
    development.secrets.create_scope("runtime")
    development.secrets.put_secret("runtime", "key", string_value="planted-value")
    code = """
        from pyspark.dbutils import DBUtils
        from databricks.sdk import WorkspaceClient
        from databricks.sdk.runtime import dbutils as imported, spark as session
        mine = dbutils
        for found in (mine, imported, DBUtils(spark), DBUtils(), WorkspaceClient().dbutils):
            print(found.secrets.get("runtime", "key")[::-1], found.fs.put("/runtime.txt", "text", True))
        print(session.range(3).count())
    """
    done = run_code(development, code, development_cluster)
    assert done.state == SUCCESS, done.logs
    assert done.logs.splitlines() == ["eulav-detnalp True"] * 5 + ["3"]


def test_code_can_have_processes_forked_before_the_engine_was(
    development: WorkspaceClient, development_cluster: str
) -> None:
    code = """
        import json, os, pathlib, socket, sys
        pathlib.Path("shipped_later.py").write_text(
            "import os, socket, sys\\n"
            "def tell(descriptor):\\n"
            "    threads = len(os.listdir('/proc/self/task'))\\n"
            "    socket.socket(fileno=descriptor).send(f'{os.getpid()} {threads} {os.getcwd()}'.encode())\\n"
        )
        sys.path.insert(0, os.getcwd())
        owner, _, descriptor = os.environ["DATABRICKS_LOCAL_FORK_POINT"].partition(":")
        with socket.socket(fileno=int(descriptor)) as forked:
            forked.send(json.dumps({"path": sys.path, "call": "shipped_later:tell"}).encode() + b"\\n")
            process, threads, folder = forked.recv(1000).decode().split()
        print(int(owner) == os.getpid(), int(process) != os.getpid(), threads, folder == os.getcwd())
        print(len(os.listdir("/proc/self/task")) > 1, spark.range(3).count())
    """
    done = run_code(development, code, development_cluster)
    assert done.state == SUCCESS, done.logs
    assert done.logs.splitlines() == ["True True 1 True", "True 3"]


def test_each_task_has_a_local_disk_of_its_own(
    development: WorkspaceClient, development_cluster: str, settings: LocalSettings
) -> None:
    if lifecycle.status(settings, "development").isolation != "namespace":
        pytest.skip("this machine gives a process no file systems of its own")
    code = """
        import os
        print(os.listdir("/local_disk0"))
        open("/local_disk0/mine", "w").close()
        print(os.listdir("/local_disk0"))
    """
    for _ in range(2):
        assert run_code(development, code, development_cluster).logs.splitlines() == ["[]", "['mine']"]


def test_token_ends_with_the_task(development: WorkspaceClient, development_cluster: str) -> None:
    code = """
        from databricks.sdk import WorkspaceClient
        print(WorkspaceClient().config.authenticate()["Authorization"].split()[1])
    """
    done = run_code(development, code, development_cluster)
    assert done.state == SUCCESS, done.logs
    with pytest.raises(PermissionDenied):
        client_with(development.config.host or "", done.logs.strip()).current_user.me()


def test_mlflow_keeps_a_model_in_the_workspaces_own_store(
    development: WorkspaceClient, development_cluster: str, settings: LocalSettings
) -> None:
    """MLflow behaves otherwise where it finds Databricks' runtime: it must still do with a store in a folder."""
    store = settings.private["development"][0]
    code = f"""
        import mlflow, numpy
        from sklearn.linear_model import LogisticRegression
        mlflow.set_tracking_uri("sqlite:///{store}/mlflow.db")
        mlflow.set_registry_uri("sqlite:///{store}/mlflow.db")
        mlflow.set_experiment(experiment_id=mlflow.create_experiment("test", "file://{store}/artifacts"))
        data = numpy.array([[0.0], [1.0], [2.0], [3.0]])
        model = LogisticRegression().fit(data, [0, 0, 1, 1])
        with mlflow.start_run():
            mlflow.log_metric("accuracy", 1.0)
            mlflow.sklearn.log_model(
                model,
                name="model",
                serialization_format="skops",
                input_example=data,
                registered_model_name="dev.models.tried",
            )
        print(mlflow.sklearn.load_model("models:/dev.models.tried/1").predict(data).tolist())
    """
    done = run_code(development, code, development_cluster)
    assert done.state == SUCCESS, done.logs
    assert "[0, 0, 1, 1]" in done.logs
    assert (store / "mlflow.db").exists()


def test_engine_none_has_no_spark_but_dbutils(development: WorkspaceClient) -> None:
    cluster = compute.ClusterSpec(
        spark_version="17.3.x-scala2.13", num_workers=0, spark_conf={"databricks.local.engine": "none"}
    )
    code = """
        import os
        from databricks.sdk.runtime import dbutils, spark
        print(spark, os.environ["DATABRICKS_RUNTIME_VERSION"], dbutils.fs.put("/none.txt", "x", True))
    """
    done = run_code(development, code, None, new_cluster=cluster)
    assert (done.state, done.logs.strip()) == (SUCCESS, "None 17.3 True"), done.logs
