"""Data quality of gold: by upload day as it is made, and over all of it before models are trained."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from pipelines.flight.channels import CHANNELS
from pipelines.tables.attestation import UnattestedHistoryError, verify_attested
from pipelines.tables.contract import TableContract
from pipelines.tables.contracts import FLIGHT_SAMPLES, GOLD_SESSIONS
from pipelines.tables.history import current_version
from pipelines.tables.pending import find_pending
from pipelines.tables.quality import QualityResult, rows_of_day, values_outside
from pipelines.tables.selecting import in_list

if TYPE_CHECKING:
    from pipelines.engines.engine import Engine

MAX_GAP_SHARE = 0.2
"""Share of a day's seconds without a sample; more than a fifth is a recorder or a landing zone that loses data."""
MIN_LABELLED_SESSIONS = 8
MIN_AIRCRAFT_TYPES = 2
MIN_SECONDS_PER_LABEL = 60
MAX_LARGEST_LABEL_SHARE = 0.9


def no_session_lost(engine: Engine, upload_day: date) -> QualityResult:
    """Every session that belongs in gold is there, made from what silver and the annotations hold now."""
    pending = find_pending(engine, upload_day)
    waiting = [session.session_id for session in pending.sessions]
    left = sorted(pending.superseded)
    held = rows_of_day(engine, GOLD_SESSIONS, upload_day).count()
    figures = {
        "sessions": held,
        "waiting": len(waiting),
        "superseded_left": len(left),
        "ambiguous_annotations": pending.ambiguous,
        "unmatched_annotations": pending.unmatched,
    }
    if not waiting and not left:
        return QualityResult(True, f"All {held} sessions of {upload_day} are in gold, as silver has them.", figures)
    description = (
        f"Not yet in gold: {waiting[:5]}; superseded but still in gold: {left[:5]}. Refine {upload_day} again."
    )
    return QualityResult(False, description, figures)


def seconds_are_complete(engine: Engine, upload_day: date) -> QualityResult:
    """Each session of the day has every second from 0 on once, and gaps hold no values."""
    of_day = in_list("upload_day", [upload_day])
    values = " OR ".join(f"{channel} IS NOT NULL" for channel in CHANNELS)
    found = engine.spark.sql(
        f"SELECT s.session_id FROM (SELECT * FROM {GOLD_SESSIONS.name} WHERE {of_day}) s LEFT JOIN "
        "(SELECT session_id, count(*) AS seconds, "
        "count(DISTINCT second) AS different, min(second) AS first, max(second) AS last, "
        f"sum(CASE WHEN is_gap AND ({values}) THEN 1 ELSE 0 END) AS filled_gaps "
        f"FROM {FLIGHT_SAMPLES.name} WHERE {of_day} "
        "GROUP BY session_id) g ON g.session_id = s.session_id WHERE g.session_id IS NULL "
        "OR g.seconds <> s.second_count OR g.different <> g.seconds OR g.first <> 0 OR g.last <> g.seconds - 1 "
        "OR g.filled_gaps > 0 ORDER BY s.session_id"
    ).toArrow()
    wrong = found.column(0).to_pylist()
    description = f"Seconds missing, doubled, or invented in {wrong[:5]}." if wrong else "Every second is there once."
    return QualityResult(not wrong, description, {"sessions_wrong": len(wrong)})


def values_within_range(engine: Engine, upload_day: date) -> QualityResult:
    """No channel of gold holds a value outside its physical range."""
    found = values_outside(engine, FLIGHT_SAMPLES, upload_day)
    wrong = {name: outside for name, (outside, _) in found.items() if outside}
    description = f"Values outside the physical range: {wrong}." if wrong else "All values are physically possible."
    return QualityResult(not wrong, description, {"outside": wrong})


def gap_share_is_low(engine: Engine, upload_day: date) -> QualityResult:
    """Few of the day's seconds are gaps."""
    rows = rows_of_day(engine, GOLD_SESSIONS, upload_day)
    found = rows.select("session_id", "second_count", "gap_share").toArrow().to_pylist()
    seconds = sum(row["second_count"] for row in found)
    share = sum(row["gap_share"] * row["second_count"] for row in found) / seconds if seconds else 0.0
    worst = max(found, key=lambda row: row["gap_share"], default=None)
    description = f"{share:.1%} of {seconds:,} seconds are gaps, at most {MAX_GAP_SHARE:.0%} may be."
    figures = {"gap_share": share, "seconds": seconds, "worst_session": worst["session_id"] if worst else None}
    return QualityResult(share <= MAX_GAP_SHARE, description, figures)


def labels_are_balanced(engine: Engine) -> QualityResult:
    """Every label that occurs has seconds enough to learn from, and no label is nearly all of them."""
    found = engine.spark.sql(
        f"SELECT maneuver, count(*) AS seconds FROM {FLIGHT_SAMPLES.name} WHERE maneuver IS NOT NULL GROUP BY maneuver"
    ).toArrow()
    seconds = {row["maneuver"]: row["seconds"] for row in found.to_pylist()}
    total = sum(seconds.values())
    rare = sorted(label for label, count in seconds.items() if count < MIN_SECONDS_PER_LABEL)
    largest = max(seconds, key=seconds.__getitem__, default=None)
    share = seconds[largest] / total if largest else 0.0
    passed = bool(total) and not rare and share <= MAX_LARGEST_LABEL_SHARE
    description = (
        f"{total:,} labelled seconds of {len(seconds)} maneuvers; most are {largest} ({share:.0%}); with less than "
        f"{MIN_SECONDS_PER_LABEL} seconds: {', '.join(rare) or 'none'}."
    )
    return QualityResult(passed, description, {"labelled_seconds": seconds})


def enough_to_train(engine: Engine) -> QualityResult:
    """Labelled sessions and aircraft types suffice to hold some of both back from training."""
    rows = engine.table(GOLD_SESSIONS.name).where("labelled_share > 0").select("session_id", "aircraft_type").toArrow()
    sessions = rows.num_rows
    types = sorted({value for value in rows.column(1).to_pylist() if value})
    passed = sessions >= MIN_LABELLED_SESSIONS and len(types) >= MIN_AIRCRAFT_TYPES
    description = (
        f"{sessions} labelled sessions of {len(types)} aircraft types ({', '.join(types) or 'none'}); needed are "
        f"{MIN_LABELLED_SESSIONS} of {MIN_AIRCRAFT_TYPES}."
    )
    return QualityResult(passed, description, {"labelled_sessions": sessions, "aircraft_types": types})


def is_attested(engine: Engine, contract: TableContract) -> QualityResult:
    """The table's whole history is attested (`pipelines.tables.attestation`)."""
    version = current_version(engine, contract.name)
    try:
        verify_attested(engine, contract.name, version)
    except UnattestedHistoryError as error:
        return QualityResult(False, str(error), {"version": version, "unattested_version": error.version})
    return QualityResult(True, f"{contract.name} is attested up to version {version}.", {"version": version})
