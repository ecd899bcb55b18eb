"""Apache Spark itself with Delta Lake: the engine that the embedded one is measured against."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
import threading
from typing import TYPE_CHECKING, Any

from pipelines.engines.delta_jars import provide_delta_jars
from pipelines.engines.engine import CATALOGS
from pipelines.engines.java import provide_java
from pipelines.engines.spark import SparkEngine
from pipelines.engines.worker_code import give_to_workers
from pipelines.machine_cache import cache_folder
from pipelines.tables.contract import TableName

if TYPE_CHECKING:
    from pyspark.core.context import SparkContext
    from pyspark.sql import SparkSession

_DELTA_CATALOG = "org.apache.spark.sql.delta.catalog.DeltaCatalog"

_starting = threading.Lock()


class ApacheSparkEngine(SparkEngine):
    """Spark's own JVM, one for the whole process; every engine has a session and catalogs of its own in it."""

    name = "apache_spark"

    def _start(self) -> SparkSession:
        # With this variable set (SailEngine sets it) pyspark's functions would build Spark Connect expressions.
        os.environ.pop("SPARK_CONNECT_MODE_ENABLED", None)
        from pyspark.sql import SparkSession

        with _starting:
            context = _context()
            session_class: Any = SparkSession
            java_class = session_class._get_j_spark_session_class(context._jvm)
            # Spark's own `newSession` shares the catalog: a session from the constructor has one for itself,
            # so that tables registered for one warehouse are not known in another.
            java_session = java_class(context._jsc.sc())  # type: ignore[attr-defined]
            session = SparkSession(context, jsparkSession=java_session)
            session_class._instantiatedSession = session_class._activeSession = session
            java_class.setDefaultSession(java_session)
            java_class.setActiveSession(java_session)
        manager = java_session.sessionState().catalogManager()
        for name in CATALOGS:
            manager.catalog(name).setDelegateCatalog(manager.catalog("spark_catalog"))
        give_to_workers(session)
        return session

    def _stop(self, session: SparkSession) -> None:
        """Nothing but to forget the session: the JVM serves the process's next engine and ends with the process."""

    def _register(self, session: SparkSession, table: TableName) -> None:
        self._refuse_namesake(table)
        super()._register(session, table)

    def _create_schema(self, session: SparkSession, table: TableName) -> None:
        self._refuse_namesake(table)
        super()._create_schema(session, table)

    def _refuse_namesake(self, table: TableName) -> None:
        """Here the catalogs share one space of schemas: two tables may not differ in their catalog alone."""
        for other in self._registered:
            if other[1:] == table[1:] and other.catalog != table.catalog:
                raise ValueError(
                    f"On Apache Spark {table} would be the same table as {other}: give it another schema or name."
                )


def _context() -> SparkContext:
    from pyspark.conf import SparkConf
    from pyspark.core.context import SparkContext

    running: SparkContext | None = SparkContext._active_spark_context
    if running is not None:
        return running
    java = provide_java(os.environ)
    jars = provide_delta_jars(java, cache_folder(os.environ))
    # Workers start whatever `python3` is on PATH unless told, and the launcher whatever Java.
    os.environ.update(PYSPARK_PYTHON=sys.executable, PYSPARK_DRIVER_PYTHON=sys.executable, JAVA_HOME=str(java.home))
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    for name in ("SPARK_HOME", "SPARK_CONF_DIR", "SPARK_REMOTE", "PYSPARK_SUBMIT_ARGS"):
        os.environ.pop(name, None)
    scratch = tempfile.mkdtemp(prefix="pipelines-spark-")
    atexit.register(shutil.rmtree, scratch, ignore_errors=True)
    settings = {
        "spark.master": f"local[{os.cpu_count() or 2}]",
        "spark.app.name": "pipelines",
        "spark.jars": ",".join(str(jar) for jar in jars),
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": _DELTA_CATALOG,
        **{f"spark.sql.catalog.{name}": _DELTA_CATALOG for name in CATALOGS},
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.defaultCatalog": CATALOGS[0],
        "spark.sql.sources.default": "delta",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "2",
        # A table's log has some dozen entries here: more than one task to read them is only more tasks.
        "spark.databricks.delta.snapshotPartitions": "1",
        # For tables of some hundred rows, compiling a query costs more than interpreting it, and planning it anew
        # after each stage makes every stage a job: together a third of a test's time. The rows are the same.
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.warehouse.dir": f"{scratch}/warehouse",
        "spark.local.dir": f"{scratch}/local",
        "spark.ui.enabled": "false",
        # Without its pages, nobody reads the plan that Spark prints for each query.
        "spark.sql.ui.explainMode": "simple",
        "spark.sql.maxPlanStringLength": "1000",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
        "spark.driver.memory": "2g",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        # Sessions here are short and tables small: the second compiler and a parallel collector would only compete
        # with the work for two cores.
        "spark.driver.extraJavaOptions": "-Duser.timezone=UTC -XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    }
    return SparkContext.getOrCreate(SparkConf().setAll(list(settings.items())))
