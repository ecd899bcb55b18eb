"""Session and annotation files: from the bytes of any known format to canonical channels, or quarantine.

Adding a format is adding one file: a map in `maps/`, or a module in `adapters/`. See
docs/adding-a-session-format.md.
"""

from pipelines.flight.formats.annotations import read_annotations
from pipelines.flight.formats.column_map import ColumnMapError
from pipelines.flight.formats.map_folders import BUILT_IN_MAPS
from pipelines.flight.formats.quarantine import QuarantineCode, QuarantineError
from pipelines.flight.formats.read import read_session, read_sessions
from pipelines.flight.formats.session import ParsedSession

__all__ = [
    "BUILT_IN_MAPS",
    "ColumnMapError",
    "ParsedSession",
    "QuarantineCode",
    "QuarantineError",
    "read_annotations",
    "read_session",
    "read_sessions",
]
