"""A second kind of cluster, for Apache Spark itself: the task's own code starts it, within the same walls."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest
from databricks.sdk.service import compute

from pipelines.engines.delta_jars import provide_delta_jars
from pipelines.engines.java import provide_java
from pipelines.local.lifecycle import down
from pipelines.local.settings import LocalSettings
from pipelines.machine_cache import cache_folder
from pipelines_tests.local.conftest import client, local_settings, run_code

SUCCESS = ("TERMINATED", "SUCCESS")


def cluster_for(engine: str) -> compute.ClusterSpec:
    return compute.ClusterSpec(
        spark_version="17.3.x-scala2.13", num_workers=0, spark_conf={"databricks.local.engine": engine}
    )


def test_task_is_told_its_engine(development: WorkspaceClient) -> None:
    code = "import os; print(os.environ['DATABRICKS_LOCAL_ENGINE'], 'spark' in globals())"
    for engine, has_session in (("sail", True), ("apache_spark", False), ("none", False)):
        done = run_code(development, code, None, new_cluster=cluster_for(engine))
        assert (done.state, done.logs.strip()) == (SUCCESS, f"{engine} {has_session}"), done.logs


def test_unknown_engine_is_refused(development: WorkspaceClient) -> None:
    with pytest.raises(BadRequest, match="use one of sail, apache_spark, none"):
        development.clusters.create(spark_version="17.3.x-scala2.13", spark_conf={"databricks.local.engine": "flink"})


@pytest.fixture
def own(tmp_path: Path) -> Iterator[LocalSettings]:
    """Settings whose tasks find Java and the cache of jars, as the environment names them."""
    java = provide_java(os.environ)
    cache = cache_folder(os.environ)
    environment = {"JAVA_HOME": str(java.home), "PIPELINES_CACHE": str(cache)}
    settings = local_settings(tmp_path, preload=(), environment=environment)
    yield settings
    for workspace in settings.workspaces:
        down(settings, workspace)


@pytest.mark.slow
def test_apache_spark_runs_in_a_task(own: LocalSettings) -> None:
    """With Delta, on a table that the catalog names and the kernel guards."""
    jars = provide_delta_jars(provide_java(os.environ), cache_folder(os.environ))
    development, production = client(own, "development"), client(own, "production")
    code = f"""
        import os
        from pyspark.sql import SparkSession
        for name in {[jar.name for jar in jars]!r}:
            assert os.path.isfile(os.path.join(os.environ["PIPELINES_CACHE"], "jars", name)), name
        spark = (
            SparkSession.builder.master("local[1]")
            .config("spark.jars", {",".join(str(jar) for jar in jars)!r})
            .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
            .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
            .config("spark.sql.shuffle.partitions", "1")
            .config("spark.databricks.delta.snapshotPartitions", "1")
            .config("spark.ui.enabled", "false")
            .getOrCreate()
        )
        print("version", spark.version, type(spark).__module__)
        from databricks.sdk import WorkspaceClient
        place = WorkspaceClient().tables.get("main.default.flights").storage_location
        spark.range(2).write.format("delta").mode("append").save(place)
        print("rows", spark.read.format("delta").load(place).count())
    """
    development.api_client.do(
        "POST",
        "/api/2.1/unity-catalog/tables",
        body={
            "catalog_name": "main",
            "schema_name": "default",
            "name": "flights",
            "columns": [{"name": "id", "type_text": "bigint", "position": 0}],
        },
    )
    done = run_code(development, code, None, 280, new_cluster=cluster_for("apache_spark"))
    assert done.state == SUCCESS, done.logs
    assert "version 4.2" in done.logs
    assert "pyspark.sql.session" in done.logs
    assert "rows 2" in done.logs
    refused = run_code(production, code, None, 280, new_cluster=cluster_for("apache_spark"))
    assert refused.state == ("TERMINATED", "FAILED")
    assert "MODIFY on Table 'main.default.flights'" in (refused.error or ""), refused.error
