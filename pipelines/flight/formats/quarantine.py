"""The one error of the formats: a file that cannot be trusted, said so that a person can act on it."""

from __future__ import annotations

from enum import StrEnum


class QuarantineCode(StrEnum):
    """Why a file was put aside; the value is what the ledger holds. docs/adding-a-session-format.md explains each."""

    EMPTY = "empty"
    BINARY = "binary"
    TRUNCATED = "truncated"
    TOO_LARGE = "too_large"
    TOO_MANY_COLUMNS = "too_many_columns"
    TOO_MANY_ROWS = "too_many_rows"
    DECOMPRESSION_BOMB = "decompression_bomb"
    UNREADABLE = "unreadable"
    UNKNOWN_FORMAT = "unknown_format"
    BAD_HEADER = "bad_header"
    MALFORMED_ROWS = "malformed_rows"
    NO_ROWS = "no_rows"
    NO_TIME_AXIS = "no_time_axis"
    NAN_FLOOD = "nan_flood"
    NO_FLIGHT_DATA = "no_flight_data"
    OUT_OF_RANGE = "out_of_range"
    WRONG_UNITS = "wrong_units"
    FROZEN = "frozen"
    BAD_ANNOTATION = "bad_annotation"


class QuarantineError(Exception):
    """A file that must not enter the tables.

    `code` is a value of `QuarantineCode`, `reason` a plain sentence that names the file and the line or
    column, `location` that place alone ("line 3", "column 'IAS'", "file"), `remedy` what a person can do.
    """

    def __init__(self, code: QuarantineCode | str, reason: str, location: str, remedy: str) -> None:
        super().__init__(str(code), reason, location, remedy)
        self.code = str(code)
        self.reason = reason
        self.location = location
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.reason} [{self.code}, {self.location}] {self.remedy}"
