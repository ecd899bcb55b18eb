"""The contracts of every table that the project fills, by layer."""

from pipelines.tables.contracts.bronze import ANNOTATION_FILES, SESSION_FILES
from pipelines.tables.contracts.gold import APPROACHES, FLIGHT_SAMPLES, GOLD_SESSIONS, MANEUVERS
from pipelines.tables.contracts.silver import ANNOTATIONS, SAMPLES, SILVER_SESSIONS

BRONZE = (SESSION_FILES, ANNOTATION_FILES)
SILVER = (SILVER_SESSIONS, SAMPLES, ANNOTATIONS)
GOLD = (GOLD_SESSIONS, FLIGHT_SAMPLES, MANEUVERS, APPROACHES)
ALL = BRONZE + SILVER + GOLD

__all__ = [
    "ALL",
    "ANNOTATIONS",
    "ANNOTATION_FILES",
    "APPROACHES",
    "BRONZE",
    "FLIGHT_SAMPLES",
    "GOLD",
    "GOLD_SESSIONS",
    "MANEUVERS",
    "SAMPLES",
    "SESSION_FILES",
    "SILVER",
    "SILVER_SESSIONS",
]
