"""Annotation files: which maneuver an instructor saw, from which second to which second of a session."""

from __future__ import annotations

from pathlib import PurePosixPath

import numpy as np
import polars as pl

from pipelines.flight.formats.numbers import as_numbers
from pipelines.flight.formats.quarantine import QuarantineCode, QuarantineError
from pipelines.flight.formats.source import open_source
from pipelines.flight.formats.text_table import header_names, read_text_table
from pipelines.flight.maneuvers import MANEUVERS

UPSET = "upset"
"""Overlay value: a departure from normal flight, stated beside the maneuver of the same seconds."""

ANNOTATION_SCHEMA = {
    "session_file": pl.String,
    "start_s": pl.Float64,
    "end_s": pl.Float64,
    "maneuver": pl.String,
    "instructor": pl.String,
    "comment": pl.String,
}

_REQUIRED = ("session_file", "start_s", "end_s", "maneuver")
_MAX_SECONDS = 48 * 3600
_REMEDY = "Correct the row and upload the annotation file again."


def read_annotations(name: str, content: bytes) -> pl.DataFrame:
    """Parse one annotation file into the columns of `ANNOTATION_SCHEMA`, in file order.

    Seconds count from the session's first sample; `maneuver` is a value of the taxonomy or `upset`;
    `session_file` is a file name without folders; `instructor` and `comment` may be missing (null).
    Within one session the rows of the taxonomy must not overlap, nor must the `upset` rows.
    Raises `QuarantineError` naming the line and column of the first row at fault.
    """
    source = open_source(name, content)
    if source.parquet is not None:
        raise QuarantineError(
            QuarantineCode.UNKNOWN_FORMAT, f"{source.name} is Parquet.", "file", "Upload annotations as CSV."
        )
    header_end = source.text.find(b"\n")
    header = source.text if header_end < 0 else source.text[:header_end]
    delimiter = max((",", ";", "\t"), key=lambda candidate: header.count(candidate.encode()))
    columns = header_names(source.name, header, delimiter, 1)
    lacking = [column for column in _REQUIRED if column not in columns]
    if lacking:
        raise QuarantineError(
            QuarantineCode.BAD_HEADER,
            f"Line 1 of {source.name} has no column {lacking[0]!r}; an annotation file has "
            f"{', '.join(ANNOTATION_SCHEMA)}.",
            f"line 1, column {lacking[0]!r}",
            "Add the column, or upload the file as a session if it is one.",
        )
    # a cut-off last line would be a label that nobody gave
    body = b"" if header_end < 0 else source.text[header_end + 1 :]
    body = body if body.endswith(b"\n") or not body else body + b"\n"
    _refuse_ragged(source.name, body, len(columns), delimiter)
    wanted = [column for column in ANNOTATION_SCHEMA if column in columns]
    frame = read_text_table(source.name, body, columns, wanted, delimiter=delimiter).frame
    frame = frame.with_columns(pl.col(wanted).str.strip_chars().replace("", None))
    numbers = as_numbers(frame, ["start_s", "end_s"])
    start, end = numbers["start_s"][0], numbers["end_s"][0]
    frame = frame.with_columns(
        pl.Series("start_s", start, nan_to_null=True),
        pl.Series("end_s", end, nan_to_null=True),
        pl.col("maneuver").str.to_lowercase().str.replace_all(r"[\s-]+", "_"),
        pl.col("session_file").map_elements(
            lambda path: PurePosixPath(path.replace("\\", "/")).name, return_dtype=pl.String
        ),
        *(pl.lit(None, pl.String).alias(column) for column in ANNOTATION_SCHEMA if column not in columns),
    ).select(pl.col(column).cast(dtype) for column, dtype in ANNOTATION_SCHEMA.items())
    _check_rows(source.name, frame, start, end)
    return frame


def _refuse_ragged(name: str, body: bytes, fields: int, delimiter: str) -> None:
    import csv
    import io

    rows = csv.reader(io.StringIO(body.decode(errors="replace")), delimiter=delimiter)
    for row in rows:
        if row and any(field.strip() for field in row) and len(row) != fields:
            raise QuarantineError(
                QuarantineCode.MALFORMED_ROWS,
                f"Line {rows.line_num + 1} of {name} has {len(row)} fields, its header has {fields}.",
                f"line {rows.line_num + 1}",
                "Put a comment that holds the delimiter in double quotes.",
            )


def _check_rows(name: str, frame: pl.DataFrame, start: np.ndarray, end: np.ndarray) -> None:
    known = {*MANEUVERS, UPSET}
    for row, (session, maneuver) in enumerate(zip(frame["session_file"], frame["maneuver"], strict=True)):
        if not session:
            raise _bad(name, row, "session_file", "names no session file")
        if maneuver not in known:
            raise _bad(name, row, "maneuver", f"has {maneuver!r}, which is none of {', '.join(sorted(known))}")
        for column, value in (("start_s", start[row]), ("end_s", end[row])):
            if not np.isfinite(value):
                raise _bad(name, row, column, "is not a number of seconds")
            if not 0 <= value <= _MAX_SECONDS:
                raise _bad(name, row, column, f"is {value:g}; seconds count from the session's first sample")
        if end[row] <= start[row]:
            raise _bad(name, row, "end_s", f"is {end[row]:g}, not after its start at {start[row]:g}")
    lanes = frame.with_row_index("row").with_columns(upset=pl.col("maneuver") == UPSET)
    overlapping = (
        lanes.sort("session_file", "upset", "start_s", "row")
        .with_columns(before=pl.col("end_s").shift().over("session_file", "upset"))
        .filter(pl.col("before") > pl.col("start_s") + 1e-6)
    )
    if len(overlapping):
        row, before = overlapping["row"][0], overlapping["before"][0]
        raise _bad(name, row, "start_s", f"lies inside another maneuver of the same session, which ends at {before:g}")


def _bad(name: str, row: int, column: str, problem: str) -> QuarantineError:
    line = row + 2
    return QuarantineError(
        QuarantineCode.BAD_ANNOTATION,
        f"Line {line} of {name}: column {column!r} {problem}.",
        f"line {line}, column {column!r}",
        _REMEDY,
    )
