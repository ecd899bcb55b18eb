"""Data quality of silver, by upload day: what must hold before gold is made."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from pipelines.tables.contracts import SAMPLES, SESSION_FILES, SILVER_SESSIONS
from pipelines.tables.quality import QualityResult, rows_of_day, values_outside
from pipelines.tables.selecting import in_list

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from pipelines.engines.engine import Engine

MAX_SHARE_OUT_OF_RANGE = 0.01
"""Gold blanks values outside a channel's physical range; more than this share is a wrong unit, not noise."""


def sessions_match_ledger(engine: Engine, upload_day: date) -> QualityResult:
    """The day's accepted files, its sessions, and the sessions of its samples are the same set."""
    accepted = _session_ids(rows_of_day(engine, SESSION_FILES, upload_day).where("status = 'accepted'"))
    sessions = _session_ids(rows_of_day(engine, SILVER_SESSIONS, upload_day))
    sampled = _session_ids(rows_of_day(engine, SAMPLES, upload_day).where("sample_index = 0"))
    lost = sorted(accepted - sessions | accepted - sampled)
    unexplained = sorted((sessions | sampled) - accepted)
    figures = {"accepted": len(accepted), "sessions": len(sessions), "sampled": len(sampled)}
    if not lost and not unexplained:
        return QualityResult(True, f"{len(accepted)} accepted files, each a session with samples.", figures)
    description = (
        f"Upload day {upload_day}: accepted in the ledger but not in silver: {lost[:5]}; in silver without an "
        f"accepted file: {unexplained[:5]}. Run the ingestion of the day again."
    )
    return QualityResult(False, description, figures)


def sample_counts_match(engine: Engine, upload_day: date) -> QualityResult:
    """Each session of the day has as many samples as its reader counted, numbered without holes."""
    counted = (
        rows_of_day(engine, SAMPLES, upload_day)
        .groupBy("session_id")
        .agg({"session_id": "count", "sample_index": "max"})
        .toArrow()
        .to_pylist()
    )
    found = {row["session_id"]: (row["count(session_id)"], row["max(sample_index)"]) for row in counted}
    sessions = rows_of_day(engine, SILVER_SESSIONS, upload_day).select("session_id", "sample_count").toArrow()
    wrong = [
        f"{row['session_id']} has {found.get(row['session_id'], (0, None))[0]} of {row['sample_count']}"
        for row in sessions.to_pylist()
        if found.get(row["session_id"]) != (row["sample_count"], row["sample_count"] - 1)
    ]
    total = sum(count for count, _ in found.values())
    description = (
        f"Sessions with missing or doubled samples: {wrong[:5]}." if wrong else f"All {total:,} samples are there."
    )
    return QualityResult(not wrong, description, {"samples": total, "sessions_wrong": len(wrong)})


def time_never_runs_back(engine: Engine, upload_day: date) -> QualityResult:
    """In each session of the day elapsed time starts at 0 and never decreases."""
    found = engine.spark.sql(
        "SELECT session_id, count(*) AS rows_back FROM (SELECT session_id, elapsed_s, lag(elapsed_s, 1, 0.0D) OVER "
        f"(PARTITION BY session_id ORDER BY sample_index) AS before, sample_index FROM {SAMPLES.name} "
        f"WHERE {in_list('upload_day', [upload_day])}) AS steps "
        "WHERE elapsed_s < before OR (sample_index = 0 AND elapsed_s <> 0) GROUP BY session_id ORDER BY session_id"
    ).toArrow()
    wrong = found.column(0).to_pylist()
    description = f"Time runs back in {wrong[:5]}." if wrong else "Time never runs back."
    return QualityResult(not wrong, description, {"sessions_wrong": len(wrong)})


def channels_within_range(engine: Engine, upload_day: date) -> QualityResult:
    """Of each channel's values of the day, nearly all are physically possible for a training aircraft."""
    found = values_outside(engine, SAMPLES, upload_day)
    shares = {name: outside / (known or 1) for name, (outside, known) in found.items()}
    wrong = {name: share for name, share in shares.items() if share > MAX_SHARE_OUT_OF_RANGE}
    listed = ", ".join(f"{name} {share:.1%}" for name, share in sorted(wrong.items()))
    description = (
        f"Outside the physical range: {listed}. A column map with a wrong unit is the usual cause."
        if wrong
        else f"At most {max(shares.values()):.2%} of a channel's values are outside its physical range."
    )
    return QualityResult(not wrong, description, {"share_outside": {k: v for k, v in shares.items() if v}})


def _session_ids(rows: DataFrame) -> set[str]:
    return set(rows.select("session_id").distinct().toArrow().column(0).to_pylist())
