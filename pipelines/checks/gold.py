"""What must hold of an upload day in gold, table by table, before the next table is built on it."""

from pipelines.checks.check import Check, asset_checks, of_every_table, rule
from pipelines.tables.contracts import APPROACHES, FLIGHT_SAMPLES, GOLD_SESSIONS, MANEUVERS

FLIGHT_SAMPLES_CHECKS = (
    *of_every_table(FLIGHT_SAMPLES),
    Check(
        FLIGHT_SAMPLES,
        "seconds_are_complete",
        rule("gold_quality", "seconds_are_complete"),
        "Each session has every second from 0 on once, and gaps hold no values.",
    ),
    Check(
        FLIGHT_SAMPLES,
        "values_within_range",
        rule("gold_quality", "values_within_range"),
        "No channel holds a value outside its physical range.",
    ),
)
SESSIONS_CHECKS = (
    *of_every_table(GOLD_SESSIONS),
    Check(
        GOLD_SESSIONS,
        "no_session_lost",
        rule("gold_quality", "no_session_lost"),
        "Every session that belongs in gold is there, made from what silver and the annotations hold now.",
    ),
    Check(
        GOLD_SESSIONS,
        "gap_share_is_low",
        rule("gold_quality", "gap_share_is_low"),
        "Few of the day's seconds are gaps.",
        blocking=False,
    ),
)

gold_checks = [
    asset_checks("check_flight_samples", FLIGHT_SAMPLES_CHECKS),
    asset_checks("check_maneuvers", of_every_table(MANEUVERS)),
    asset_checks("check_approaches", of_every_table(APPROACHES)),
    asset_checks("check_sessions", SESSIONS_CHECKS),
]
