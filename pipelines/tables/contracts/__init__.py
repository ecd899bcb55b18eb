"""The contracts of every table that the project fills, by layer."""

from pipelines.tables.contracts.bronze import ANNOTATION_FILES, SESSION_FILES
from pipelines.tables.contracts.gold import APPROACHES, FLIGHT_SAMPLES, GOLD_SESSIONS, MANEUVERS
from pipelines.tables.contracts.silver import ANNOTATIONS, CHECK_RESULTS, SAMPLES, SILVER_SESSIONS

BRONZE = (SESSION_FILES, ANNOTATION_FILES)
SILVER = (SILVER_SESSIONS, SAMPLES, ANNOTATIONS)
GOLD = (GOLD_SESSIONS, FLIGHT_SAMPLES, MANEUVERS, APPROACHES)
ALL = BRONZE + SILVER + GOLD
"""The tables that are assets."""
RECORDS = (CHECK_RESULTS,)
"""The tables that steps leave each other notes in."""

__all__ = [
    "ALL",
    "ANNOTATIONS",
    "ANNOTATION_FILES",
    "APPROACHES",
    "BRONZE",
    "CHECK_RESULTS",
    "FLIGHT_SAMPLES",
    "GOLD",
    "GOLD_SESSIONS",
    "MANEUVERS",
    "RECORDS",
    "SAMPLES",
    "SESSION_FILES",
    "SILVER",
    "SILVER_SESSIONS",
]
