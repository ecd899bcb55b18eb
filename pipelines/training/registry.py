"""Versions in the MLflow registry, and the aliases that name them."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from pipelines.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient

IDENTITY_TAG = "training_identity"
FEATURES_TAG = "features_digest"
GOLD_TAG = "gold_versions"
CHAMPION = "champion"
"""Alias of the version in use."""
CARD_FILE = "card.md"
FIGURES_FOLDER = "figures"
EXAMPLE_PREDICTIONS_FILE = "example_predictions.json"
SESSION_SCORES_FILE = "session_scores.json"
READY = "READY"
"""Status of a version whose registration was completed."""
BASELINE_PREFIX = "baseline_"
_SQLITE = "sqlite:///"


class UnknownModelVersionError(LookupError):
    """The registry has no such version."""


@dataclass(frozen=True)
class TrainedModel:
    """A registered version. `reused` is true where it existed before and nothing was trained."""

    name: str
    registered_name: str
    version: int
    run_id: str
    metrics: dict[str, float]
    baseline_metrics: dict[str, float]
    gold_versions: dict[str, int]
    figures: dict[str, Path]
    card: str
    tags: dict[str, str] = field(default_factory=dict)
    reused: bool = False


def registered_name(settings: Settings, name: str) -> str:
    """The three-level name in the registry."""
    return f"{settings.model_schema}.{name}"


def connect(settings: Settings) -> MlflowClient:
    """A client of the environment's tracking store and registry, which are created at the first use."""
    # Usage reports would leave the machine, and progress bars would fill the log of a run.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    import mlflow

    if settings.artifacts is not None:
        settings.artifacts.mkdir(parents=True, exist_ok=True)
    mlflow.set_tracking_uri(settings.tracking_uri)
    mlflow.set_registry_uri(settings.registry_uri)
    if settings.tracking_uri.startswith(_SQLITE):
        _lay_out(Path(settings.tracking_uri.removeprefix(_SQLITE)))
    return _client_of(os.getpid(), settings.tracking_uri, settings.registry_uri)


@lru_cache(maxsize=8)
def _client_of(_process: int, tracking_uri: str, registry_uri: str) -> MlflowClient:
    """Kept: on SQLite each new client looks first whether the tables are those of its version of MLflow."""
    import mlflow

    return mlflow.MlflowClient(tracking_uri, registry_uri)


def _lay_out(database: Path) -> None:
    """Let one process make MLflow's tables: models of a first release are trained at once, and two would collide."""
    import mlflow

    done = database.with_name(f".{database.name}-by-{mlflow.__version__}")
    if done.is_file() and database.is_file():
        return
    database.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(database.with_name(f".{database.name}.lock")):
        client = mlflow.MlflowClient()
        client.search_experiments(max_results=1)
        client.search_registered_models(max_results=1)
        done.touch()


def describe_version(settings: Settings, name: str, version: int, *, reused: bool = False) -> TrainedModel:
    """All that the registry holds about one version.

    Raises:
        UnknownModelVersionError: there is no such version.
    """
    import mlflow
    from mlflow.artifacts import download_artifacts

    client = connect(settings)
    full_name = registered_name(settings, name)
    try:
        found = client.get_model_version(full_name, str(version))
    except mlflow.MlflowException as error:
        raise UnknownModelVersionError(
            f"{full_name} has no version {version} in {settings.registry_uri}. Train it first: materialize its asset."
        ) from error
    run = client.get_run(str(found.run_id))
    folder = Path(download_artifacts(run_id=run.info.run_id))
    metrics = {key: value for key, value in run.data.metrics.items() if not key.startswith(BASELINE_PREFIX)}
    return TrainedModel(
        name=name,
        registered_name=full_name,
        version=version,
        run_id=run.info.run_id,
        metrics=metrics,
        baseline_metrics={
            key.removeprefix(BASELINE_PREFIX): value
            for key, value in run.data.metrics.items()
            if key.startswith(BASELINE_PREFIX)
        },
        gold_versions=json.loads(found.tags.get(GOLD_TAG, "{}")),
        figures={file.stem: file for file in sorted((folder / FIGURES_FOLDER).glob("*.png"))},
        card=(folder / CARD_FILE).read_text(encoding="utf-8") if (folder / CARD_FILE).is_file() else "",
        tags=dict(found.tags),
        reused=reused,
    )


def point_alias(settings: Settings, name: str, alias: str, version: int) -> None:
    """Make the alias name this version of the model; nothing is written if it does already."""
    import mlflow

    client, full_name = connect(settings), registered_name(settings, name)
    try:
        if int(client.get_model_version_by_alias(full_name, alias).version) == version:
            return
    except mlflow.MlflowException:
        pass  # there is no such alias yet
    client.set_registered_model_alias(full_name, alias, str(version))


def version_of_alias(settings: Settings, name: str, alias: str) -> int:
    """The version that the alias names.

    Raises:
        UnknownModelVersionError: the model has no such alias.
    """
    import mlflow

    full_name = registered_name(settings, name)
    try:
        return int(connect(settings).get_model_version_by_alias(full_name, alias).version)
    except mlflow.MlflowException as error:
        raise UnknownModelVersionError(
            f"{full_name} has no version with the alias {alias} in {settings.registry_uri}. Train one first: run the "
            "job `train` (or `pipelines demo`)."
        ) from error


def saved_estimator(settings: Settings, name: str, version: int) -> bytes:
    """The skops file of a registered version.

    Raises:
        UnknownModelVersionError: there is no such version.
    """
    import mlflow
    from mlflow.artifacts import download_artifacts

    connect(settings)
    full_name = registered_name(settings, name)
    try:
        folder = Path(download_artifacts(f"models:/{full_name}/{version}"))
    except mlflow.MlflowException as error:
        raise UnknownModelVersionError(
            f"{full_name} version {version} is not in {settings.registry_uri}. Train it first: materialize its asset."
        ) from error
    return next(folder.glob("*.skops")).read_bytes()
