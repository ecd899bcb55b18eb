"""`corrections`: what instructors say, each with the finding as it was when it was corrected."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from pipelines.customers.corrections import KINDS, Correction, as_json
from pipelines.customers.places import schema_of
from pipelines.models.manifest import load_manifests
from pipelines.tables.arrow_rows import rows_to_frame
from pipelines.tables.contract_guard import ensure_tables
from pipelines.tables.contracts.customers import (
    analysis_contract,
    corrections_contract,
    judgements_contract,
    sessions_contract,
)
from pipelines.tables.retries import until_committed
from pipelines.tables.selecting import in_list

if TYPE_CHECKING:
    from pipelines.engines.engine import Engine

_SHOWN = ("finding", "start_second", "end_second", "label", "score", "is_stable", "failed_criteria")


@dataclass(frozen=True)
class Recorded:
    """A correction that the table holds."""

    session: str
    """As the correction names it."""
    session_id: str
    model: str
    model_version: int


@dataclass(frozen=True)
class Unmatched:
    """A correction that is about nothing that is known, and why."""

    session: str
    reason: str


def record_corrections(
    engine: Engine, customer: str, corrections: Sequence[Correction], shared: bool
) -> list[Recorded | Unmatched]:
    """Store the corrections, each beside the findings of the version that analysed the session last.

    One whose session is not known, was not analysed, or is shorter than that, is left out. Doing it again stores
    nothing twice; what was stored as not shared becomes shared if it is said again and `shared` by then.

    Args:
        shared: whether the customer's settings give them to gold; kept with them.

    Returns:
        What became of each, in order.
    """
    schema = schema_of(customer)
    contract = corrections_contract(schema)
    ensure_tables(engine, contract, sessions_contract(schema), analysis_contract(schema), judgements_contract(schema))
    sessions = _sessions(engine, schema, {each.session for each in corrections})
    ids = {str(row["session_id"]) for row in sessions.values()}
    versions = _newest_versions(engine, schema, ids)
    findings = _rows(engine, analysis_contract(schema).name, ids, ("session_id", "model", "model_version", *_SHOWN))
    answers: list[Recorded | Unmatched] = []
    rows: dict[str, dict[str, Any]] = {}
    for each in corrections:
        try:
            row = _row(each, sessions.get(each.session), versions, findings, shared)
        except _UnmatchedError as error:
            answers.append(Unmatched(each.session, str(error)))
        else:
            rows[row["correction_id"]] = row
            answers.append(Recorded(each.session, row["session_id"], row["model"], row["model_version"]))
    if rows:
        until_committed(
            lambda: engine.merge(
                contract.name,
                "t.correction_id = s.correction_id",
                "WHEN MATCHED AND s.shared AND NOT t.shared THEN UPDATE SET shared = s.shared "
                "WHEN NOT MATCHED THEN INSERT *",
                rows_to_frame(engine, contract, list(rows.values())),
            )
        )
    return answers


class _UnmatchedError(LookupError):
    pass


def _row(
    correction: Correction,
    session: dict[str, Any] | None,
    versions: dict[tuple[str, str], int],
    findings: list[dict[str, Any]],
    shared: bool,
) -> dict[str, Any]:
    if session is None:
        raise _UnmatchedError(
            f"Session {ascii(correction.session)[:120]} is not known: write its file's name or its id as on the "
            "review page."
        )
    session_id, kind = session["session_id"], KINDS[correction.kind]
    model = _model_of(kind)
    version = versions.get((session_id, model))
    if version is None:
        raise _UnmatchedError(
            f"{correction.session} was not analysed by {model}, so there is nothing to correct: ask for its analysis."
        )
    if correction.end_second >= session["second_count"]:
        raise _UnmatchedError(
            f"{correction.session} has {session['second_count']:,} seconds, and second {correction.end_second:,} is "
            "to be corrected: correct `to`."
        )
    predicted = [
        {name: row[name] for name in _SHOWN}
        for row in sorted(findings, key=lambda row: row["finding"])
        if (row["session_id"], row["model"], row["model_version"]) == (session_id, model, version)
        and _overlaps(row, correction)
    ]
    said = json.dumps([session_id, as_json(correction), model, version])
    return {
        "correction_id": sha256(said.encode()).hexdigest()[:16],
        "session_id": session_id,
        "kind": kind,
        "start_second": correction.start_second,
        "end_second": correction.end_second,
        "label": correction.label,
        "instructor": correction.instructor,
        "comment": correction.comment,
        "model": model,
        "model_version": version,
        "predicted": json.dumps(predicted, ensure_ascii=False),
        "shared": shared,
        "recorded_at": datetime.now(UTC),
    }


def _overlaps(row: dict[str, Any], correction: Correction) -> bool:
    if row["start_second"] is None or row["end_second"] is None:
        return False
    return row["start_second"] <= correction.end_second and row["end_second"] >= correction.start_second


def _model_of(kind: str) -> str:
    for manifest in load_manifests().values():
        if manifest.prediction.table == kind:
            return manifest.name
    raise _UnmatchedError(f"No released model makes {kind}, so there is nothing to correct.")


def _sessions(engine: Engine, schema: str, names: set[str]) -> dict[str, dict[str, Any]]:
    """The ready sessions that are named by file or id; of several under one name the one that came last."""
    table = engine.table(sessions_contract(schema).name).where("status = 'ready'")
    columns = ("session_id", "file_name", "second_count", "ingested_at")
    rows = sorted(table.select(*columns).toArrow().to_pylist(), key=lambda row: row["ingested_at"])
    return {row[key]: row for key in ("file_name", "session_id") for row in rows if row[key] in names}


def _newest_versions(engine: Engine, schema: str, ids: set[str]) -> dict[tuple[str, str], int]:
    columns = ("session_id", "model", "model_version", "analysed_at")
    rows = _rows(engine, judgements_contract(schema).name, ids, columns)
    rows.sort(key=lambda row: (row["analysed_at"], row["model_version"]))
    return {(row["session_id"], row["model"]): row["model_version"] for row in rows}


def _rows(engine: Engine, table: Any, ids: set[str], columns: Sequence[str]) -> list[dict[str, Any]]:
    return engine.table(table).where(in_list("session_id", ids)).select(*columns).toArrow().to_pylist()
