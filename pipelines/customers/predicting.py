"""One registered version applied to a customer's sessions, by the same path as every prediction.

A model that fails for one session keeps none of the others from being judged.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.customers.findings import findings
from pipelines.customers.places import schema_of
from pipelines.models.manifest import Manifest
from pipelines.models.protocol import load_model_code
from pipelines.settings import Settings
from pipelines.tables.contract import TableName
from pipelines.tables.contracts import GOLD_SESSIONS, MANEUVERS
from pipelines.tables.contracts.customers import approaches_contract, samples_contract, sessions_contract
from pipelines.tables.selecting import in_list
from pipelines.training.digests import features_digest
from pipelines.training.gold import only_sessions
from pipelines.training.inference import predictions_of
from pipelines.training.judging import judgements
from pipelines.training.registry import FEATURES_TAG, saved_estimator

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from pipelines.engines.engine import Engine
    from pipelines.releases.registry import MlflowRegistry

JUDGED, NOT_JUDGED, FAILED = "judged", "not_judged", "failed"
_CLASS = re.compile(r"\b([A-Za-z_.]*(?:Error|Exception|Warning)): *(.*)")
_LONGEST_REASON = 300


@dataclass(frozen=True)
class Judged:
    """What one version made of one session."""

    status: str
    reason: str | None
    rows: list[dict[str, Any]]
    """Columns of `analysis` that tell what was found; empty unless judged."""
    needs: str | None = None
    """The release by whose code it could be judged, where the running code cannot."""


def judge_sessions(
    engine: Engine,
    settings: Settings,
    registry: MlflowRegistry,
    customer: str,
    manifest: Manifest | None,
    model: str,
    version: int,
    session_ids: Sequence[str],
    starts: Mapping[tuple[str, int], int],
) -> dict[str, Judged]:
    """What the version finds in each of the customer's sessions, which must be in the customer's tables.

    `starts` are those that `approach_starts` gives for the sessions.
    """
    if (unfit := _unfit(registry, manifest, model, version)) is not None:
        return dict.fromkeys(session_ids, unfit)
    assert manifest is not None
    tables = _as_gold(engine, schema_of(customer), manifest, session_ids)
    batch = {one.session_id: one for one in judgements(manifest, tables["sessions"], tables["flight_samples"])}
    found = {
        session_id: Judged(NOT_JUDGED, one.reason, []) for session_id, one in batch.items() if one.reason is not None
    }
    usable = [session_id for session_id in session_ids if session_id in batch and session_id not in found]
    if usable:
        saved = saved_estimator(settings, model, version)
        found |= _predicted(engine, manifest, tables, usable, saved, starts)
    return found


def _unfit(registry: MlflowRegistry, manifest: Manifest | None, model: str, version: int) -> Judged | None:
    """Why the running code cannot apply the version; None if it can."""
    tags = registry.tags(model, version)
    if tags is None:
        return Judged(FAILED, f"The registry has no version {version} of {model}.", [])
    if manifest is None or tags.get(FEATURES_TAG) != features_digest(manifest):
        release = tags.get("commit")
        made_by = f"release {release[:12]}" if release else "another release"
        words = (
            f"Version {version} of {model} was made by {made_by} with other features than the code that ran has, so it "
            "could not be applied."
        )
        return Judged(FAILED, words, [], needs=release)
    return None


def _predicted(
    engine: Engine,
    manifest: Manifest,
    tables: Mapping[str, DataFrame],
    session_ids: list[str],
    saved: bytes,
    starts: Mapping[tuple[str, int], int],
) -> dict[str, Judged]:
    """All at once; if that fails, each half by itself, until what fails is alone.

    An outage of the engine or of its tables is raised: the step is tried again, and nothing is held against a model.
    """
    chosen: Mapping[str, DataFrame] = {}
    try:
        chosen = only_sessions(engine, tables, session_ids)
        features = load_model_code(manifest.name).features(chosen, manifest.parameters)
        rows = predictions_of(manifest, features, saved).toArrow().to_pylist()
        by_session = findings(manifest, rows, starts)
    except Exception as error:
        if len(session_ids) == 1:
            _require_readable(chosen or tables)
            return {session_ids[0]: Judged(FAILED, f"{manifest.name} failed: {_words(error)}", [])}
        half = len(session_ids) // 2
        return {
            **_predicted(engine, manifest, tables, session_ids[:half], saved, starts),
            **_predicted(engine, manifest, tables, session_ids[half:], saved, starts),
        }
    return {session_id: Judged(JUDGED, None, by_session.get(session_id, [])) for session_id in session_ids}


def _require_readable(tables: Mapping[str, DataFrame]) -> None:
    """Raise if what the model was given cannot be read without it either: then the failure is not the model's."""
    for rows in tables.values():
        rows.toArrow()


def _as_gold(engine: Engine, schema: str, manifest: Manifest, session_ids: Sequence[str]) -> dict[str, DataFrame]:
    """The customer's tables in the shape of the gold tables that the manifest names, those sessions alone."""
    these = in_list("session_id", session_ids)
    columns = [
        "CAST(0 AS DOUBLE) AS labelled_share" if name == "labelled_share" else name
        for name in GOLD_SESSIONS.column_names
    ]
    made: dict[str, DataFrame] = {}
    for full_name in manifest.gold_tables:
        table = TableName.of(full_name).table
        if table == MANEUVERS.name.table:  # nobody has labelled a customer's sessions
            ddl = ", ".join(f"{column.name} {column.type}" for column in MANEUVERS.columns)
            made[table] = engine.spark.createDataFrame([], ddl)
            continue
        rows = engine.table(TableName.of(f"{schema}.{table}")).where(these)
        made[table] = rows.selectExpr(*columns) if table == "sessions" else rows
    # Every judgement looks at the seconds, whether or not the model reads them.
    made.setdefault("flight_samples", engine.table(samples_contract(schema).name).where(these))
    made.setdefault("sessions", engine.table(sessions_contract(schema).name).where(these).selectExpr(*columns))
    return made


def approach_starts(engine: Engine, customer: str, session_ids: Collection[str]) -> dict[tuple[str, int], int]:
    """The second in which each approach of the sessions begins, by session and number of the approach."""
    rows = engine.table(approaches_contract(schema_of(customer)).name).where(in_list("session_id", session_ids))
    found = rows.select("session_id", "approach", "start_second").toArrow().to_pylist()
    return {(row["session_id"], row["approach"]): row["start_second"] for row in found}


def _words(error: Exception) -> str:
    """The innermost error in a line, without stack traces and places of this machine."""
    told = [found for line in str(error).splitlines() if (found := _CLASS.search(line))]
    if told:
        return f"{told[-1][1].rsplit('.', 1)[-1]}: {told[-1][2]}"[:_LONGEST_REASON]
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:_LONGEST_REASON]
