"""Which Spark engine a cluster's tasks find, as its `spark_conf` says."""

from __future__ import annotations

from pipelines.local.errors import invalid
from pipelines.local.store import Document

SETTING = "databricks.local.engine"
VARIABLE = "DATABRICKS_LOCAL_ENGINE"
"""Environment variable that tells a task which engine its cluster is for."""

SAIL, APACHE_SPARK, NONE = "sail", "apache_spark", "none"
_KNOWN = (SAIL, APACHE_SPARK, NONE)


def engine_of(cluster: Document | None) -> str:
    """`sail`: the task finds a session. `apache_spark`: its own code starts Apache Spark. `none`: it needs no Spark.

    Raises:
        ApiError: the cluster's `spark_conf` names another one.
    """
    name = str(((cluster or {}).get("spark_conf") or {}).get(SETTING, SAIL))
    if name not in _KNOWN:
        raise invalid(f"{SETTING} is {name!r} in spark_conf: use one of {', '.join(_KNOWN)}.")
    return name
