"""The one place that chooses the environment: where things are and which engine computes.

`PIPELINES_ENVIRONMENT` names it (default `embedded`), `PIPELINES_HOME` moves its files,
`PIPELINES_LANDING` the landing zone (to another folder, or to `s3://bucket/prefix`),
`PIPELINES_FIRST_UPLOAD_DAY` the first daily partition.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

from pipelines.landing.address import Address, InvalidAddressError, landing_address

EngineName = Literal["sail", "apache_spark"]

_ENGINES: dict[str, EngineName] = {"embedded": "sail", "conformance": "apache_spark"}


class UnknownEnvironmentError(ValueError):
    """The environment that was asked for does not exist."""


class InvalidSettingError(ValueError):
    """An environment variable holds a value that cannot be used."""


@dataclass(frozen=True)
class Settings:
    """Everything that differs between environments, as plain values."""

    environment: str
    engine: EngineName
    home: Path
    """Folder below which all state of the environment lives."""
    landing: Address
    """Landing zone, in a folder or a bucket: `sessions/<upload day>/...` and `annotations/<upload day>/...`."""
    warehouse: Path
    """Root of the tables: `<catalog>/<schema>/<table>`."""
    tracking_uri: str
    """MLflow tracking store and model registry."""
    artifacts: Path
    """Where MLflow keeps model artifacts."""
    model_schema: str
    """`catalog.schema` of registered models, e.g. `dev.models`."""
    prediction_schema: str
    """`catalog.schema` of prediction tables, e.g. `dev.predictions`."""
    session_maps: Path
    """Folder of the users' own column maps, beside the built-in ones; may be absent."""
    dagster_home: Path
    """Where Dagster keeps runs, events and schedules."""
    first_upload_day: date = date(2025, 1, 1)
    """First daily partition; files in folders of earlier days are not ingested."""


def settings_from(variables: Mapping[str, str]) -> Settings:
    """The settings that environment variables describe.

    Raises:
        UnknownEnvironmentError: `PIPELINES_ENVIRONMENT` names none of the known environments.
        InvalidSettingError: another variable cannot be understood.
    """
    name = variables.get("PIPELINES_ENVIRONMENT", "embedded")
    if name not in _ENGINES:
        raise UnknownEnvironmentError(
            f"PIPELINES_ENVIRONMENT is {name!r}, which does not exist: set it to one of {', '.join(sorted(_ENGINES))}."
        )
    default_home = Path(__file__).resolve().parents[1] / ".pipelines"
    home = Path(variables.get("PIPELINES_HOME") or default_home).expanduser().resolve()
    return Settings(
        environment=name,
        engine=_ENGINES[name],
        home=home,
        landing=_address(variables, "PIPELINES_LANDING", home / "landing"),
        warehouse=home / "warehouse",
        tracking_uri=f"sqlite:///{home / 'mlflow' / 'mlflow.db'}",
        artifacts=home / "mlflow" / "artifacts",
        model_schema="dev.models",
        prediction_schema="dev.predictions",
        session_maps=home / "maps",
        dagster_home=home / "dagster",
        first_upload_day=_day(variables, "PIPELINES_FIRST_UPLOAD_DAY", Settings.first_upload_day),
    )


def _address(variables: Mapping[str, str], name: str, default: Path) -> Address:
    try:
        return landing_address(variables.get(name) or default)
    except InvalidAddressError as error:
        raise InvalidSettingError(f"{name}: {error}") from None


def _day(variables: Mapping[str, str], name: str, default: date) -> date:
    text = variables.get(name)
    if not text:
        return default
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidSettingError(f"{name} is {text!r}, which is no date: write it as {default}.") from None


def current_settings() -> Settings:
    """The settings of this process's environment."""
    return settings_from(os.environ)
