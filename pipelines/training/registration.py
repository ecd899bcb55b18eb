"""A version comes to be: logged with all that explains it, registered once, found again by what made it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipelines.models.manifest import Manifest
from pipelines.models.protocol import ModelCode
from pipelines.settings import Settings
from pipelines.training.digests import requirements
from pipelines.training.registry import (
    BASELINE_PREFIX,
    CARD_FILE,
    EXAMPLE_PREDICTIONS_FILE,
    FIGURES_FOLDER,
    IDENTITY_TAG,
    READY,
    TrainedModel,
    UnknownModelVersionError,
    connect,
    describe_version,
    registered_name,
)

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient
    from mlflow.entities import Run

_LONGEST_TAG = 1000


def runs_of(settings: Settings, name: str, identity: str) -> dict[str, str]:
    """The runs that were started to make this, the oldest first: status by run id."""
    client = connect(settings)
    experiment = client.get_experiment_by_name(settings.experiments + registered_name(settings, name))
    if experiment is None:
        return {}
    query = f"tags.{IDENTITY_TAG} = '{identity}'"
    runs = client.search_runs([experiment.experiment_id], query, order_by=["attributes.start_time ASC"])
    return {run.info.run_id: run.info.status for run in runs}


def versions_of(settings: Settings, name: str, identity: str) -> list[int]:
    """The READY versions that were made of the same, ascending. The first counts; more than one means that
    registrations raced."""
    client = connect(settings)
    return sorted(
        int(version.version)
        for run_id in runs_of(settings, name, identity)
        for version in client.search_model_versions(f"run_id='{run_id}'")
        if version.status == READY
    )


def find_version(settings: Settings, manifest: Manifest, identity: str) -> TrainedModel | None:
    """The version that was made from the same data by the same code, if there is one.

    A run that finished and died before its registration is registered now, and one that died within it completed.
    """
    if versions := versions_of(settings, manifest.name, identity):
        found = describe_version(settings, manifest.name, versions[0], reused=True)
        _put_card(settings, manifest, found.version, found.card)
        return found
    for run_id, status in runs_of(settings, manifest.name, identity).items():
        if status == "FINISHED" and _model_of(connect(settings).get_run(run_id)) is not None:
            return register_run(settings, manifest, run_id)
    return None


def log_run(
    settings: Settings,
    manifest: Manifest,
    code: ModelCode,
    estimator: Any,
    example: pd.DataFrame,
    *,
    metrics: Mapping[str, float],
    baseline_metrics: Mapping[str, float],
    figures: Mapping[str, Any],
    card: str,
    tags: Mapping[str, str],
    documents: Mapping[str, Any] | None = None,
) -> str:
    """Log a run with everything about a version; `register_run` makes the version of it.

    Args:
        example: a few rows of FEATURES.
        tags: snake_case keys; on the run now, on the version when it is registered.
        documents: what is kept as JSON beside the model, by file name.

    Returns:
        The run's id; the run is FINISHED.

    Raises:
        ValueError: a tag is longer than Unity Catalog holds.
    """
    import mlflow
    from mlflow.models import infer_signature
    from mlflow.sklearn import log_model

    too_long = [key for key, value in tags.items() if len(value) > _LONGEST_TAG]
    if too_long:
        raise ValueError(f"tags {', '.join(too_long)} are longer than {_LONGEST_TAG} characters: shorten them.")
    client = connect(settings)
    full_name = registered_name(settings, manifest.name)
    with mlflow.start_run(experiment_id=_experiment(client, settings, full_name), run_name=manifest.name) as run:
        mlflow.set_tags(dict(tags))
        mlflow.log_params(manifest.parameters)
        every = {**metrics, **{f"{BASELINE_PREFIX}{key}": value for key, value in baseline_metrics.items()}}
        mlflow.log_metrics({key: value for key, value in every.items() if value == value})
        for name, draw in figures.items():
            mlflow.log_figure(draw(), f"{FIGURES_FOLDER}/{name}.png", save_kwargs={"dpi": 110})
        mlflow.log_text(card, CARD_FILE)
        answers = estimator.predict_proba(example)
        # What a smoke prediction must give again, to the digit.
        mlflow.log_dict({"predictions": answers.tolist()}, EXAMPLE_PREDICTIONS_FILE)
        for file, document in (documents or {}).items():
            mlflow.log_dict(document, file)
        log_model(
            estimator,
            name="model",
            signature=infer_signature(example, answers),
            input_example=example,
            pyfunc_predict_fn="predict_proba",
            pip_requirements=requirements(),
            serialization_format="skops",
            skops_trusted_types=list(code.SKOPS_TRUSTED_TYPES),
        )
    return run.info.run_id


def register_run(settings: Settings, manifest: Manifest, run_id: str) -> TrainedModel:
    """Make a version of a finished run, with its tags and its card.

    Raises:
        UnknownModelVersionError: the run holds no model.
    """
    import mlflow
    from mlflow.artifacts import load_text

    client = connect(settings)
    full_name = registered_name(settings, manifest.name)
    run = client.get_run(run_id)
    if (model_id := _model_of(run)) is None:
        raise UnknownModelVersionError(f"run {run_id} of {full_name} holds no model: train it again.")
    tags = {key: value for key, value in run.data.tags.items() if not key.startswith("mlflow.")}
    version = mlflow.register_model(f"models:/{model_id}", full_name, tags=tags)
    card = load_text(f"{run.info.artifact_uri}/{CARD_FILE}")
    _put_card(settings, manifest, int(version.version), card)
    return describe_version(settings, manifest.name, int(version.version))


def _put_card(settings: Settings, manifest: Manifest, version: int, card: str) -> None:
    """Show the card with the version, unless it is there."""
    client, full_name = connect(settings), registered_name(settings, manifest.name)
    if client.get_model_version(full_name, str(version)).description:
        return
    client.update_registered_model(full_name, description=manifest.description)
    client.update_model_version(full_name, str(version), description=card)


def _model_of(run: Run) -> str | None:
    outputs = run.outputs.model_outputs if run.outputs else []
    return outputs[0].model_id if outputs else None


def _experiment(client: MlflowClient, settings: Settings, full_name: str) -> str:
    experiment = client.get_experiment_by_name(settings.experiments + full_name)
    if experiment is not None:
        return experiment.experiment_id
    place = None if settings.artifacts is None else (settings.artifacts / full_name).as_uri()
    return client.create_experiment(settings.experiments + full_name, artifact_location=place)
