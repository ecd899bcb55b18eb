"""A delimited text's rows as a frame of strings: one line a row, every row with the header's number of fields."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from pipelines.flight.formats import limits
from pipelines.flight.formats.quarantine import QuarantineCode, QuarantineError

if TYPE_CHECKING:
    from collections.abc import Collection

_MAX_MALFORMED_SHARE = 0.01
_PIECE = 128 * 1024
"""Bytes that are looked at in one go: what is noted of them stays in the processor's caches."""

_BLANK_CELLS = [" " * width for width in range(1, 17)]


@dataclass(frozen=True)
class TextTable:
    """The wanted columns as strings, and what was left out."""

    frame: pl.DataFrame
    dropped_rows: int
    repairs: tuple[str, ...]


def header_names(name: str, line: bytes, delimiter: str, line_number: int) -> list[str]:
    """The column names of a header line, stripped; a repeated name keeps its first column, later ones get a suffix.

    Raises `QuarantineError` (`too_many_columns`) beyond the cap.
    """
    count = line.count(delimiter.encode()) + 1
    if count > limits.MAX_COLUMNS:
        raise QuarantineError(
            QuarantineCode.TOO_MANY_COLUMNS,
            f"Line {line_number} of {name} has {count:,} columns; a session has at most {limits.MAX_COLUMNS:,}.",
            f"line {line_number}",
            "Export only the columns of the session.",
        )
    return list(_names(line, delimiter))


@lru_cache(maxsize=64)
def _names(line: bytes, delimiter: str) -> tuple[str, ...]:
    """The names of a header line; the files of a fleet have few different ones, and every column map looks at them."""
    text = line.decode(errors="replace").strip("\r\n\ufeff")
    if delimiter == " ":
        fields = text.split()
    elif '"' in text:
        fields = next(csv.reader([text], delimiter=delimiter, skipinitialspace=True), [])
    else:
        fields = text.split(delimiter)
    names: list[str] = []
    seen: dict[str, int] = {}
    for position, field in enumerate(fields):
        stripped = field.strip() or f"(column {position + 1})"
        seen[stripped] = seen.get(stripped, 0) + 1
        names.append(stripped if seen[stripped] == 1 else f"{stripped} #{seen[stripped]}")
    return tuple(names)


def read_text_table(
    name: str,
    text: bytes,
    columns: list[str],
    wanted: list[str],
    *,
    start: int = 0,
    numeric: Collection[str] = (),
    delimiter: str = ",",
    first_line: int = 2,
) -> TextTable:
    """Read `wanted` of `columns` from the rows of `text` from byte `start` on, which is line `first_line` of the file.

    Columns come as strings; those of `numeric` as floats if every one of their cells is a plain number or empty.

    Rows with another number of fields than the header are dropped and counted; more than one in a hundred of
    them, and the file is refused. A last row without a line end may be cut off: it is dropped if it lacks
    fields, otherwise its last field is blanked, because a number may have lost digits.
    """
    while text.startswith(b"\n", start):
        start += 1
        first_line += 1
    repairs: list[str] = []
    separator = delimiter.encode()
    per_row = len(columns) - 1
    body, dropped = _whole_rows(text, start, separator, per_row)
    if delimiter == " ":
        body = b"\n".join(b" ".join(line.split()) for line in body.split(b"\n"))
    if dropped:
        repairs.append("The last row was cut off; it was left out.")
    rows = _count(body, b"\n")
    if rows > limits.MAX_ROWS:
        raise QuarantineError(
            QuarantineCode.TOO_MANY_ROWS,
            f"{name} has {rows:,} rows; a session has at most {limits.MAX_ROWS:,}.",
            f"line {limits.MAX_ROWS + first_line}",
            "Export the sessions one by one.",
        )
    quoted = b'"' in body
    # blank lines, too, make the count of separators differ
    suspicious = quoted or _count(body, separator) != rows * per_row
    frame = None if suspicious else _parse(body, columns, wanted, numeric, delimiter, quoted=False)
    if frame is None:
        body, malformed, first_bad = _well_formed(body, separator, per_row, quoted)
        total = body.count(b"\n") + malformed
        if malformed and (malformed > max(1, _MAX_MALFORMED_SHARE * total)):
            line = first_line + first_bad
            raise QuarantineError(
                QuarantineCode.MALFORMED_ROWS,
                f"{name}: {malformed:,} of {total:,} rows do not have the header's {len(columns)} fields, "
                f"first in line {line}.",
                f"line {line}",
                "Export the session again, or repair the line; a text field may hold an unquoted delimiter.",
            )
        if malformed:
            dropped += malformed
            repairs.append(
                f"{malformed} row(s) with another number of fields than the header were left out, "
                f"first line {first_line + first_bad}."
            )
        frame = _parse(body, columns, wanted, numeric, delimiter, quoted=quoted)
        if frame is None:
            raise QuarantineError(
                QuarantineCode.UNREADABLE,
                f"{name} cannot be read as rows of {len(columns)} fields.",
                f"line {first_line}",
                "Export the session again; quotes inside the text must be closed on the same line.",
            )
    return TextTable(frame, dropped, tuple(repairs))


def _count(text: bytes, character: bytes) -> int:
    """How often one character occurs; unlike `bytes.count`, as fast for frequent ones as for rare ones."""
    codes = np.frombuffer(text, dtype=np.uint8)
    pieces = (codes[start : start + _PIECE] for start in range(0, len(codes), _PIECE))
    return sum(int(np.count_nonzero(piece == character[0])) for piece in pieces)


def _whole_rows(text: bytes, start: int, separator: bytes, per_row: int) -> tuple[bytes, int]:
    """The rows from `start` on, without what a last row without a line end may have lost; and 1 if it was dropped."""
    if text.endswith(b"\n") or start >= len(text):
        return text[start:], 0
    end = max(text.rfind(b"\n") + 1, start)
    last = text[end:]
    if not last.strip():
        return text[start:end], 0
    fields = len(last.split()) if separator == b" " else last.count(separator) + 1
    if fields <= per_row:
        return text[start:end], 1
    if per_row and b'"' not in last and separator != b" ":
        return text[start : text.rfind(separator) + 1] + b"\n", 0
    return text[start:] + b"\n", 0


def _well_formed(body: bytes, separator: bytes, per_row: int, quoted: bool) -> tuple[bytes, int, int]:
    """The lines with the right number of fields, how many others there are, and the first one's position."""
    kept: list[bytes] = []
    malformed, first_bad = 0, -1
    delimiter = separator.decode()
    for position, line in enumerate(body.split(b"\n")):
        if not line.strip():
            continue
        if quoted and b'"' in line:
            parsed = next(csv.reader(io.StringIO(line.decode(errors="replace")), delimiter=delimiter), [])
            right = len(parsed) == per_row + 1 and line.count(b'"') % 2 == 0
        else:
            right = line.count(separator) == per_row
        if right:
            kept.append(line)
        else:
            malformed += 1
            first_bad = position if first_bad < 0 else first_bad
    kept.append(b"")
    return b"\n".join(kept), malformed, first_bad


def _parse(
    body: bytes, columns: list[str], wanted: list[str], numeric: Collection[str], delimiter: str, *, quoted: bool
) -> pl.DataFrame | None:
    """The wanted columns, or None if a row has too many fields or a quote does not close."""
    if not body or (not body[:4096].strip(b"\n") and not body.strip(b"\n")):
        return pl.DataFrame(schema=dict.fromkeys(wanted, pl.String))
    positions = [columns.index(column) for column in wanted]
    as_text: dict[str, pl.DataType | type[pl.DataType]] = dict.fromkeys(columns, pl.String)
    # cells padded with blanks read as numbers, but cells of nothing but blanks only if they are named
    padded = delimiter.encode() + b" " in body[:65536]
    attempts = [as_text | dict.fromkeys(numeric, pl.Float64), as_text] if numeric else [as_text]
    for schema in attempts:
        try:
            frame = pl.read_csv(
                body,
                has_header=False,
                separator=delimiter,
                schema=schema,
                columns=positions,
                null_values=_BLANK_CELLS if padded else None,
                quote_char='"' if quoted else None,
            )
        except pl.exceptions.PolarsError:
            continue
        return frame[wanted]
    return None
