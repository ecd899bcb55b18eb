"""Versions in a real MLflow registry without a training behind them: only what releases look at."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from pipelines.environments import settings_from
from pipelines.releases.provenance import Lineage
from pipelines.settings import Settings
from pipelines.training.identity import Identity
from pipelines.training.registry import connect, registered_name


def production(home: Path) -> Settings:
    """Settings of the production location below `home`."""
    return settings_from({"PIPELINES_HOME": str(home)}, "production")


def identity(model: str, commit: str, gold: int = 1) -> Identity:
    """A release key."""
    return Identity(model, {"main.gold.sessions": gold}, "parameters", "code", "environment", commit)


def logged_run(settings: Settings, key: Identity, status: str = "FINISHED") -> str:
    """A run with the tags of a training for a release; its id."""
    client = connect(settings)
    name = settings.experiments + registered_name(settings, key.model)
    experiment = client.get_experiment_by_name(name)
    experiment_id = experiment.experiment_id if experiment else _created(settings, name)
    tags = {**Lineage(str(key.commit), "A. Author", "dagster-run").tags, **key.tags}
    run = client.create_run(experiment_id, tags=tags)
    if status != "RUNNING":
        client.set_terminated(run.info.run_id, status)
    return run.info.run_id


def registered_version(settings: Settings, key: Identity, run_id: str | None = None) -> int:
    """A READY version of the release key, of a run of its own unless given."""
    import mlflow

    client = connect(settings)
    run = run_id or logged_run(settings, key)
    name = registered_name(settings, key.model)
    with suppress(mlflow.MlflowException):  # it exists
        client.create_registered_model(name)
    tags = {name: value for name, value in client.get_run(run).data.tags.items() if not name.startswith("mlflow.")}
    return int(client.create_model_version(name, f"runs:/{run}/model", run, tags=tags).version)


def _created(settings: Settings, name: str) -> str:
    """An experiment whose artifacts lie in the environment, not where the tests were started."""
    assert settings.artifacts is not None
    return connect(settings).create_experiment(name, artifact_location=(settings.artifacts / name).as_uri())
