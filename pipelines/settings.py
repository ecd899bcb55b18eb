"""Everything that differs between environments, as plain values; `pipelines.environments` chooses them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Literal

from pipelines.landing.address import Address, S3Prefix
from pipelines.remote_settings import Remote
from pipelines.watched_branch import WatchedBranch
from pipelines.workspace_names import CATALOGS, Location

EngineName = Literal["sail", "apache_spark", "databricks"]


DEFAULT_RATES_USD_PER_HOUR = {"small": 0.5, "standard": 0.5, "medium": 1.5, "large": 6.0}
"""Of the order of list prices, machines included, so that shares and growth are right. An environment on Databricks
states its own."""


class InvalidSettingError(ValueError):
    """A setting holds a value that cannot be used; the message says where, and what would do."""


class NoEnvironmentFileError(InvalidSettingError):
    """On Databricks no file describes the location, as in a deployment of the other one."""


@dataclass(frozen=True)
class Settings:
    """Everything that differs between environments, as plain values."""

    environment: str
    location: Location
    branch: str | None
    """A data scientist's branch; None for what everyone shares."""
    engine: EngineName
    in_task: bool
    """Whether this process is a step in a workspace, not the one that launches steps."""
    home: Path
    """Folder of this machine for what is local: on Databricks only logs and pictures of the command line."""
    landing: Address
    """Landing zone, in a folder or a bucket: `sessions/<upload day>/...` and `annotations/<upload day>/...`."""
    landing_volume: Path
    """The landing zone as a step in a workspace sees it."""
    customers: Address | None
    """The customers' zone, in a folder or a bucket: a folder for each, see `pipelines.customers.places`. None where
    the location has no customers."""
    warehouse: Path | None
    """Root of the tables, `<catalog>/<schema>/<table>`, where they are folders of this machine; else None."""
    work: Path
    """Folder that all steps of the location share, for locks and notes."""
    scratch: Path | None
    """Folder for what a step keeps meanwhile, seen by all of its Spark workers; None: its own temporary folder."""
    tracking_uri: str
    """MLflow's tracking store."""
    registry_uri: str
    """MLflow's model registry."""
    artifacts: Path | None
    """Where MLflow keeps model artifacts; None where the tracking store knows."""
    experiments: str
    """What the names of experiments begin with."""
    model_schema: str
    """`catalog.schema` of registered models, e.g. `dev.models`."""
    prediction_schema: str
    """`catalog.schema` of prediction tables, e.g. `dev.predictions`."""
    session_maps: Path
    """Folder of the users' own column maps, beside the built-in ones; may be absent."""
    dagster_home: Path
    """Where Dagster keeps runs, events and schedules."""
    remote: Remote | None
    """Where steps run; None for in this process."""
    git: WatchedBranch
    """The branch whose commits the location trains."""
    dagster_url: str = "http://127.0.0.1:3000"
    """Address of Dagster's UI, for links and to have a code location loaded anew; empty if unknown."""
    retrain_growth: float = 0.1
    """Share by which gold's sessions must have grown for the current release to be trained anew; 0: never."""
    rates_usd_per_hour: dict[str, float] = field(default_factory=lambda: dict(DEFAULT_RATES_USD_PER_HOUR))
    """What an hour of each size class costs; see docs/costs.md."""
    first_upload_day: date = date(2025, 1, 1)
    """First daily partition; files in folders of earlier days are not ingested."""

    @property
    def catalog(self) -> str:
        """The catalog that the location writes its own tables and models to."""
        return CATALOGS[self.location]

    @property
    def shared(self) -> Settings:
        """The same off any branch: models and predictions that everyone shares."""
        models, predictions = f"{self.catalog}.models", f"{self.catalog}.predictions"
        return replace(self, branch=None, model_schema=models, prediction_schema=predictions)

    @property
    def is_on_databricks(self) -> bool:
        """Whether the workspace is Databricks' own: nothing here starts or stops it, and the tables are there."""
        return self.remote is not None and self.remote.host is not None

    @property
    def has_local_workspaces(self) -> bool:
        """Whether steps run in the local workspaces, which are started at their first use."""
        return self.remote is not None and self.remote.host is None

    @property
    def landing_is_reachable(self) -> bool:
        """Whether this process can list the landing zone; else only steps in the workspace can, through a volume."""
        return self.in_task or not self.is_on_databricks or isinstance(self.landing, S3Prefix)

    @property
    def tables(self) -> Path:
        """`warehouse`, for what needs the tables to be folders of this machine.

        Raises:
            InvalidSettingError: they are not.
        """
        if self.warehouse is None:
            raise InvalidSettingError(
                f"The tables of environment {self.environment!r} are not on this machine: ask for them in the "
                "workspace, with a notebook or Databricks SQL."
            )
        return self.warehouse
