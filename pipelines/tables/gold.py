"""From silver to gold: pending sessions are cleaned, labelled and merged, an attested commit per table.

Each function refines one table for the sessions that are pending for an upload day (`pipelines.tables.pending`).
Their order is `refine_flight_samples`, `refine_maneuvers`, `refine_approaches`, `refine_sessions`: the last is the
commit point, a session is in gold once `main.gold.sessions` holds its source digest. Should annotations arrive in
between, the sessions that they concern are left to the next run instead of being mixed from two states.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from pipelines.flight.channels import CHANNEL_NAMES
from pipelines.flight.cleaning import second_count
from pipelines.tables.arrow_rows import rows_to_frame
from pipelines.tables.contracts import (
    APPROACHES,
    FLIGHT_SAMPLES,
    GOLD_SESSIONS,
    MANEUVERS,
)
from pipelines.tables.gold_rows import approach_rows, flight_sample_rows
from pipelines.tables.labels import segments_of
from pipelines.tables.pending import PendingSession
from pipelines.tables.refinement import GoldReport, Refinement
from pipelines.tables.selecting import in_list

if TYPE_CHECKING:
    from pipelines.engines.engine import Engine


def refine_flight_samples(engine: Engine, upload_day: date, metadata: str) -> GoldReport:
    """Bring the pending sessions' seconds to `main.gold.flight_samples`.

    `metadata` is that of `pipelines.tables.attestation.attest` for this table.

    Raises:
        ContractViolationError: a table is not what its contract says; nothing has been written.
        ValueError: the metadata attests something else.
    """
    with Refinement(engine, FLIGHT_SAMPLES, upload_day, metadata) as refinement:
        pending = refinement.pending
        made = refinement.digests_of_seconds()
        stale = [each for each in pending.sessions if made.get(each.session_id) != each.source_digest]
        ids = {each.session_id for each in stale} | (set(pending.superseded) & set(made))
        if ids:
            source = flight_sample_rows(engine, stale) if stale else rows_to_frame(engine, FLIGHT_SAMPLES, [])
            refinement.merge(lambda: source, ids, "t.source_digest <> s.source_digest", replaces=bool(ids & set(made)))
        refinement.report.row_count = sum(second_count(each.facts["duration_s"]) for each in stale)
    return refinement.report


def refine_maneuvers(engine: Engine, upload_day: date, metadata: str) -> GoldReport:
    """Bring the pending sessions' labelled segments to `main.gold.maneuvers`; raises as `refine_flight_samples`."""
    with Refinement(engine, MANEUVERS, upload_day, metadata) as refinement:
        refinement.replace([row for session in refinement.ready() for row in _maneuver_rows(session)])
    return refinement.report


def refine_approaches(engine: Engine, upload_day: date, metadata: str) -> GoldReport:
    """Find the pending sessions' approaches for `main.gold.approaches`; raises as `refine_flight_samples`."""
    with Refinement(engine, APPROACHES, upload_day, metadata) as refinement:
        ready = refinement.ready()
        refinement.replace(approach_rows(engine, ready) if ready else [])
    return refinement.report


def refine_sessions(engine: Engine, upload_day: date, metadata: str) -> GoldReport:
    """Enter the pending sessions into `main.gold.sessions`, which completes them; raises as above."""
    with Refinement(engine, GOLD_SESSIONS, upload_day, metadata) as refinement:
        ready = refinement.ready()
        if ready:
            ready = refinement.with_current_maneuvers(ready, _maneuver_rows)
        refinement.replace(_session_rows(engine, ready))
    return refinement.report


def _maneuver_rows(session: PendingSession) -> list[dict[str, Any]]:
    segments = segments_of(session.labels, second_count(session.facts["duration_s"]))
    return [
        {
            "session_id": session.session_id,
            "upload_day": session.upload_day,
            "segment": number,
            "maneuver": segment.label.maneuver,
            "start_second": segment.start_second,
            "end_second": segment.end_second,
            "instructor": segment.label.instructor or None,
            "comment": segment.label.comment or None,
            "source_digest": session.source_digest,
        }
        for number, segment in enumerate(segments, start=1)
    ]


def _session_rows(engine: Engine, sessions: list[PendingSession]) -> list[dict[str, Any]]:
    if not sessions:
        return []
    counts = ", ".join(f"count({channel}) AS {channel}" for channel in CHANNEL_NAMES)
    days = in_list("upload_day", {session.upload_day for session in sessions})
    ids = in_list("session_id", {session.session_id for session in sessions})
    found = engine.spark.sql(
        f"SELECT session_id, count(*) AS second_count, sum(CASE WHEN is_gap THEN 1 ELSE 0 END) AS gaps, "
        f"count(maneuver) AS labelled, {counts} FROM {FLIGHT_SAMPLES.name} WHERE {days} AND {ids} GROUP BY session_id"
    )
    seconds = {row["session_id"]: row for row in found.toArrow().to_pylist()}
    rows: list[dict[str, Any]] = []
    for session in sessions:
        summary = seconds[session.session_id]
        facts = {name: session.facts.get(name) for name in GOLD_SESSIONS.column_names}
        rows.append(
            {
                **facts,
                "session_id": session.session_id,
                "upload_day": session.upload_day,
                "second_count": summary["second_count"],
                "gap_share": summary["gaps"] / summary["second_count"],
                "labelled_share": summary["labelled"] / summary["second_count"],
                "missing_channels": [channel for channel in CHANNEL_NAMES if not summary[channel]],
                "source_digest": session.source_digest,
            }
        )
    return rows
