"""What must hold of an upload day in bronze and silver before gold is made of it."""

from datetime import date
from typing import TYPE_CHECKING

from pipelines.checks.check import Check, asset_checks, evaluate, of_every_table, rule
from pipelines.engines.engine import Engine
from pipelines.tables.contracts import ANNOTATION_FILES, ANNOTATIONS, BRONZE, SAMPLES, SESSION_FILES, SILVER
from pipelines.tables.contracts import SILVER_SESSIONS as SESSIONS

if TYPE_CHECKING:
    from pipelines.tables.quality import QualityResult

SILVER_CHECKS: tuple[Check, ...] = (
    *(check for contract in (SESSION_FILES, SESSIONS, SAMPLES) for check in of_every_table(contract)),
    Check(
        SESSIONS,
        "sessions_match_ledger",
        rule("silver_quality", "sessions_match_ledger"),
        "The ledger's accepted files, the sessions and the sessions of the samples are the same set.",
    ),
    Check(
        SAMPLES,
        "sample_counts_match",
        rule("silver_quality", "sample_counts_match"),
        "Each session has as many samples as its reader counted, numbered without holes.",
    ),
    Check(
        SAMPLES,
        "time_never_runs_back",
        rule("silver_quality", "time_never_runs_back"),
        "In each session elapsed time starts at 0 and never decreases.",
    ),
    Check(
        SAMPLES,
        "channels_within_range",
        rule("silver_quality", "channels_within_range"),
        "Nearly all values of each channel are physically possible for a training aircraft.",
    ),
)
ANNOTATION_CHECKS: tuple[Check, ...] = (*of_every_table(ANNOTATION_FILES), *of_every_table(ANNOTATIONS))

_BY_NAME = {check.full_name: check for check in (*SILVER_CHECKS, *ANNOTATION_CHECKS)}
_Results = list[tuple[Check, "QualityResult"]]


def evaluated_silver(engine: Engine, day: date | None) -> _Results:
    """Every check of the day's bronze and silver, evaluated now and recorded for the steps that attest it."""
    from pipelines.tables.check_results import evaluate_and_record

    assert day is not None
    found = evaluate_and_record(
        engine,
        day,
        (*BRONZE, *SILVER),
        lambda: {check.full_name: result for check, result in evaluate(tuple(_BY_NAME.values()))(engine, day)},
    )
    return [(_BY_NAME[name], result) for name, result in found.items()]


def silver_results(engine: Engine, day: date) -> _Results:
    """The same, as recorded for the tables as they are now; evaluated only if nothing is."""
    from pipelines.tables.check_results import recorded_results

    recorded = recorded_results(engine, day, (*BRONZE, *SILVER), _BY_NAME)
    if recorded is None:
        return evaluated_silver(engine, day)
    return [(_BY_NAME[name], result) for name, result in recorded.items()]


silver_checks = asset_checks("check_silver", (*SILVER_CHECKS, *ANNOTATION_CHECKS), evaluated=evaluated_silver)
