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

_evaluated: dict[tuple[object, ...], "list[tuple[Check, QualityResult]]"] = {}


def silver_results(engine: Engine, day: date | None) -> "list[tuple[Check, QualityResult]]":
    """Every check of the day's bronze and silver, evaluated once per process and state of those tables.

    The step that attests a gold commit thus finds what the step before it has found.
    """
    from pipelines.tables.history import current_version

    state = tuple(current_version(engine, contract.name) for contract in (*BRONZE, *SILVER))
    key = (engine.warehouse, day, state)
    if key not in _evaluated:
        _evaluated.clear()
        _evaluated[key] = evaluate((*SILVER_CHECKS, *ANNOTATION_CHECKS))(engine, day)
    return _evaluated[key]


silver_checks = asset_checks("check_silver", (*SILVER_CHECKS, *ANNOTATION_CHECKS), evaluated=silver_results)
