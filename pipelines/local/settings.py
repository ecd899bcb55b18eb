"""What a local Databricks is made of: where it lives, who may use it, how slow its clusters pretend to be."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

Isolation = Literal["auto", "namespace", "interposed"]

PRELOADED_MODULES = (
    "pyspark.sql.connect.session",
    "pyspark.sql.connect.functions",
    "pyspark.sql.connect.window",
    "pyspark.sql.pandas.types",
    "grpc",
    "pandas",
    "pyarrow",
    "pyarrow.dataset",
    "pyarrow.parquet",
    "pyarrow.acero",
    "polars",
    "sklearn.ensemble",
    "mlflow",
    "mlflow.sklearn",
    "skops.io",
    "deltalake",
    "dagster",
    "matplotlib.figure",
    "matplotlib.style",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_svg",
    "jinja2",
    "databricks.sdk",
    "cryptography.hazmat.primitives.asymmetric.ed25519",
    # What these import only once they are used, half a second and more.
    "mlflow.store.tracking.sqlalchemy_store",
    "mlflow.store.model_registry.sqlalchemy_store",
    "git",
    "fsspec",
    "mlflow.store.model_registry.sqlalchemy_workspace_store",
    "mlflow.store.tracking.sqlalchemy_workspace_store",
    "mlflow.tracing.export",
    "mlflow.tracing.processor.otel",
    "narwhals._pandas_like.dataframe",
    "narwhals.stable.v2",
    "opentelemetry.sdk.metrics.export",
    "pyspark.worker",
    "pysail.spark",
    # What executing a Dagster step imports besides, when it begins.
    "dagster._core.execution.plan.external_step",
    "dagster._core.storage.event_log.in_memory",
    "dagster._core.storage.runs",
    "dagster._core.storage.runs.in_memory",
    "dagster._core.storage.schedules.sqlite",
    "dagster._core.storage.root",
    "dagster._core.definitions.external_asset",
    "dagster._core.definitions.repository_definition.repository_data_builder",
    "dagster._core.launcher.sync_in_memory_run_launcher",
    "dagster._core.types.transform_typing",
    "dagster._utils.hosted_user_process",
    "pydantic.dataclasses",
    "upath.implementations.local",
)
"""What a warm cluster has imported before its first task; a module that is not installed is passed over."""


@dataclass(frozen=True)
class StartDelays:
    """Seconds that compute pretends to need before it is ready. Databricks' medians: 145, 40 and 20."""

    job_cluster_s: float = 0.0
    pool_s: float = 0.0
    serverless_s: float = 0.0


@dataclass(frozen=True)
class ServicePrincipal:
    """A service principal that exists from the start, with a token of its own in one workspace."""

    name: str
    workspace: str
    admin: bool = False


@dataclass(frozen=True)
class Grant:
    """Privileges that hold from the start, as the Unity Catalog bootstrap would have granted them."""

    securable_type: str
    full_name: str
    principal: str
    """Display name of a service principal, a user name, or a group."""
    privileges: tuple[str, ...]


@dataclass(frozen=True)
class CatalogBinding:
    """Which workspaces see a catalog: name -> may they also write?"""

    catalog: str
    writable_in: dict[str, bool]


@dataclass(frozen=True)
class LocalSettings:
    """Everything that two local workspaces and their shared metastore need to know."""

    home: Path
    """Folder of the servers' own state: databases, DBFS roots, workspace files, volumes, run logs."""
    warehouse: Path
    """Root of the tables' folders: `<catalog>/<schema>/<table>`."""
    workspaces: tuple[str, ...] = ("development", "production")
    interpreter: Path = Path(sys.executable)
    """Python of the tasks; it needs pysail and `pyspark[connect]`."""
    preload: tuple[str, ...] = PRELOADED_MODULES
    hidden: tuple[Path, ...] = ()
    """Folders that no task may see or import from, above all the project's working tree."""
    private: dict[str, tuple[Path, ...]] = field(default_factory=dict)
    """Workspace -> folders that only tasks of its own principals see, to read and write; e.g. the store of its models.

    Its own are its administrators and those of `principals`, not those that were added later, such as customers'.
    """
    start_delays: StartDelays = StartDelays()
    isolation: Isolation = "auto"
    rate_limits: bool = False
    """Whether requests beyond Databricks' documented rates are refused with 429."""
    termination_delay_s: float = 0.0
    """Seconds that a run stays TERMINATING while its cluster is cleaned up."""
    principals: tuple[ServicePrincipal, ...] = (
        ServicePrincipal("pipelines-development", "development"),
        ServicePrincipal("pipelines-production", "production"),
    )
    grants: tuple[Grant, ...] = (
        Grant("catalog", "main", "pipelines-development", ("ALL_PRIVILEGES",)),
        Grant("catalog", "dev", "pipelines-development", ("ALL_PRIVILEGES",)),
        Grant("catalog", "main", "pipelines-production", ("USE_CATALOG", "USE_SCHEMA", "SELECT")),
        Grant("catalog", "prod", "pipelines-production", ("ALL_PRIVILEGES",)),
    )
    bindings: tuple[CatalogBinding, ...] = (
        CatalogBinding("main", {"development": True, "production": False}),
        CatalogBinding("dev", {"development": True}),
        CatalogBinding("prod", {"production": True}),
    )
    environment: dict[str, str] = field(default_factory=dict)
    """Environment variables that every task gets, before those of its cluster."""

    def workspace_folder(self, workspace: str) -> Path:
        """The folder that holds one workspace's state.

        Raises:
            ValueError: there is no workspace of that name.
        """
        if workspace not in self.workspaces:
            raise ValueError(f"There is no workspace {workspace!r}: choose one of {', '.join(self.workspaces)}.")
        return self.home / workspace

    def private_folders(self, workspace: str) -> tuple[Path, ...]:
        """The folders that only the workspace's own tasks see."""
        return self.private.get(workspace, ())

    @property
    def metastore_folder(self) -> Path:
        """The folder of the metastore that the workspaces share."""
        return self.home / "metastore"

    def with_changes(self, **changes: Any) -> LocalSettings:
        """The same settings with some of them changed."""
        return replace(self, **changes)


def admin_name(workspace: str) -> str:
    """The user who administers a workspace from the start."""
    return f"admin@{workspace}.local"


def settings_below(
    home: Path, warehouse: Path, project: Path, hidden: tuple[Path, ...] = (), **changes: Any
) -> LocalSettings:
    """Settings of workspaces below `home`, whose tasks see nothing of the code and history in the folder `project`.

    Args:
        home: folder of the servers' own state.
        warehouse: root of the tables' folders.
        project: the working tree.
        hidden: further folders that tasks do not see, but for what volumes, tables and private folders in them show.
        changes: any other fields of the settings.
    """
    shown = (".venv", ".uv", home.name, warehouse.name)
    found = [entry for entry in sorted(project.iterdir()) if entry.is_dir() and entry.name not in shown]
    below = [folder for folder in found if folder not in home.parents and folder not in warehouse.parents]
    return LocalSettings(home=home, warehouse=warehouse, hidden=(*below, *hidden), **changes)


def to_json(settings: LocalSettings) -> str:
    """The settings as a JSON text that `from_json` reads back."""
    return json.dumps(asdict(settings), default=str, indent=1)


def from_json(text: str) -> LocalSettings:
    """The settings that `to_json` wrote."""
    raw = json.loads(text)
    return LocalSettings(
        home=Path(raw["home"]),
        warehouse=Path(raw["warehouse"]),
        workspaces=tuple(raw["workspaces"]),
        interpreter=Path(raw["interpreter"]),
        preload=tuple(raw["preload"]),
        hidden=tuple(Path(folder) for folder in raw["hidden"]),
        private={name: tuple(Path(folder) for folder in folders) for name, folders in raw["private"].items()},
        start_delays=StartDelays(**raw["start_delays"]),
        isolation=raw["isolation"],
        rate_limits=raw["rate_limits"],
        termination_delay_s=raw["termination_delay_s"],
        principals=tuple(ServicePrincipal(**entry) for entry in raw["principals"]),
        grants=tuple(
            Grant(entry["securable_type"], entry["full_name"], entry["principal"], tuple(entry["privileges"]))
            for entry in raw["grants"]
        ),
        bindings=tuple(CatalogBinding(**entry) for entry in raw["bindings"]),
        environment=raw["environment"],
    )
