"""The modules that only Databricks' runtime has: what the SDK, MLflow and users' code look for in a task.

`WorkspaceClient()` without arguments asks `dbruntime` for the task's own credentials, `databricks.sdk.runtime` for its
`dbutils`; older code writes `from pyspark.dbutils import DBUtils`.
"""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

from .dbutils import DbUtils
from .environment import Workspace


def provide(spec: dict[str, Any], workspace: Workspace, provided: dict[str, Any]) -> None:
    """Make the modules importable in this process; `provided` are the names that a task has without an import."""

    class DBUtils(DbUtils):
        """`DBUtils(spark)`, as Databricks' pyspark has it."""

        def __init__(self, spark: Any = None) -> None:  # noqa: ARG002 (nothing of it goes through Spark here)
            super().__init__(spec, workspace)

    class UserNamespaceInitializer:
        """What the SDK asks for the names of a notebook."""

        @classmethod
        def getOrCreate(cls) -> UserNamespaceInitializer:  # noqa: N802 (Databricks' own name)
            return cls()

        def get_namespace_globals(self) -> dict[str, Any]:
            return {"display": print, "spark": None, **provided}

        def get_driver_connection(self) -> Any:
            # A task is no notebook. MLflow, told so, does not start a Spark context to find out.
            return SimpleNamespace(runtime_integration_client=SimpleNamespace(getReplId=lambda: None))

    def headers() -> dict[str, str]:
        return {"Authorization": f"Bearer {workspace.token}"}

    _module("dbruntime", UserNamespaceInitializer=UserNamespaceInitializer, __path__=[])
    _module(
        "dbruntime.sdk_credential_provider",
        init_runtime_native_auth=lambda: (workspace.host, headers),
    )
    _module("pyspark.dbutils", DBUtils=DBUtils)
    # Imported before the fork, it took itself for a client on somebody's laptop.
    sys.modules.pop("databricks.sdk.runtime", None)


def _module(name: str, **members: Any) -> None:
    module = ModuleType(name)
    vars(module).update(members)
    sys.modules[name] = module
