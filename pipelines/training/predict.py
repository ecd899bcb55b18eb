"""Predictions of a registered version for gold sessions, written once per session and version."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.models.manifest import Manifest, load_manifests
from pipelines.models.prediction_tables import judgement_contract, prediction_contract
from pipelines.models.protocol import load_model_code
from pipelines.settings import Settings
from pipelines.tables.contract import TableContract, TableName
from pipelines.training.digests import features_digest
from pipelines.training.gold import only_sessions
from pipelines.training.inference import predictions_of
from pipelines.training.judging import Judgement, judgements
from pipelines.training.prediction_rows import written
from pipelines.training.registry import FEATURES_TAG, TrainedModel, describe_version, saved_estimator
from pipelines.training.scratch import scratch_folder

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from pipelines.engines.engine import Engine

SESSIONS_AT_ONCE = 200
"""Sessions per commit: bounds memory, and an interrupted run goes on with the sessions not yet written."""


class UnknownSessionError(LookupError):
    """A session that gold does not hold."""


class OtherFeaturesError(ValueError):
    """A version that was made with other features than those of the running code."""


@dataclass(frozen=True)
class PredictionReport:
    """What one call did."""

    table: str
    model_name: str
    model_version: int
    judged: tuple[str, ...]
    """Sessions judged by this call."""
    not_judged: dict[str, str]
    """Sessions that could not be judged, and why."""
    unchanged: int
    """Sessions asked for that this version had judged before and that have not changed since."""
    rows: int
    """Prediction rows written by this call."""


def predict_sessions(
    name: str,
    version: int,
    engine: Engine,
    settings: Settings,
    session_ids: Sequence[str] | None = None,
    progress: Callable[[str], None] | None = None,
) -> PredictionReport:
    """Judge gold sessions (all of them by default) with one version and write the rows.

    Running it again writes nothing; a session that changed in gold is judged anew and its rows replaced.
    A session that lacks a required channel gets no rows but an entry in `session_judgements` that says why.

    Raises:
        UnknownModelVersionError: the registry has no such version.
        OtherFeaturesError: the version was made with other features than the running code computes.
        UnknownSessionError: gold does not hold one of `session_ids`.
    """
    manifest = load_manifests()[name]
    model = describe_version(settings, name, version)
    _require_same_features(manifest, model)
    predictions = prediction_contract(manifest, settings.prediction_schema)
    ledger = judgement_contract(settings.prediction_schema)
    engine.create(predictions)
    engine.create(ledger)
    gold = {TableName.of(full).table: engine.table(TableName.of(full)) for full in manifest.gold_tables}

    # Two writers of one table would collide; the second waits, then finds the first's sessions judged.
    with engine.exclusive(predictions.name):
        asked = _asked(gold["sessions"], session_ids)
        before = _judged_before(engine, ledger, model)
        waiting = [session_id for session_id, digest in asked.items() if before.get(session_id) != digest]
        saved = saved_estimator(settings, name, version) if waiting else b""
        found: list[Judgement] = []
        rows = 0
        for start in range(0, len(waiting), SESSIONS_AT_ONCE):
            tables = only_sessions(engine, gold, waiting[start : start + SESSIONS_AT_ONCE])
            batch = judgements(manifest, tables["sessions"], tables["flight_samples"])
            features = _features_of_judged(engine, manifest, tables, batch)
            predicted = predictions_of(manifest, features, saved)
            rows += written(engine, scratch_folder(settings), model, predictions, ledger, batch, predicted)
            found += batch
            if progress:
                progress(f"{name}: {len(found)} of {len(waiting)} sessions judged")
    return PredictionReport(
        table=str(predictions.name),
        model_name=model.registered_name,
        model_version=version,
        judged=tuple(one.session_id for one in found if one.reason is None),
        not_judged={one.session_id: one.reason for one in found if one.reason is not None},
        unchanged=len(asked) - len(waiting),
        rows=rows,
    )


def _require_same_features(manifest: Manifest, model: TrainedModel) -> None:
    if model.tags.get(FEATURES_TAG) != features_digest(manifest):
        raise OtherFeaturesError(
            f"{model.registered_name} version {model.version} was made with other features or parameters than "
            f"pipelines/models/{manifest.name} has now. Train a version with this code, or check out that one's code."
        )


def _asked(sessions: DataFrame, session_ids: Sequence[str] | None) -> dict[str, str]:
    found = {
        row["session_id"]: row["source_digest"] for row in sessions.select("session_id", "source_digest").collect()
    }
    if session_ids is None:
        return dict(sorted(found.items()))
    if unknown := sorted(set(session_ids) - set(found)):
        raise UnknownSessionError(
            f"main.gold.sessions does not hold {', '.join(unknown[:5])}. Ingest and refine the session first."
        )
    return {session_id: found[session_id] for session_id in sorted(set(session_ids))}


def _judged_before(engine: Engine, ledger: TableContract, model: TrainedModel) -> dict[str, str]:
    from pyspark.sql import functions as F

    mine = (F.col("model_name") == model.registered_name) & (F.col("model_version") == model.version)
    rows = engine.table(ledger.name).where(mine).select("session_id", "source_digest").collect()
    return {row["session_id"]: row["source_digest"] for row in rows}


def _features_of_judged(
    engine: Engine, manifest: Manifest, tables: Mapping[str, DataFrame], batch: Sequence[Judgement]
) -> DataFrame:
    usable = [one.session_id for one in batch if one.reason is None]
    return load_model_code(manifest.name).features(only_sessions(engine, tables, usable), manifest.parameters)
