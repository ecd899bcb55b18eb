"""Instructors' corrections: read from a file of the inbox, and stored beside the findings that they correct.

```json
{"session": "lesson 7.csv", "instructor": "A. Rossi", "corrections": [
  {"kind": "maneuver", "from": "12:30", "to": "13:10", "label": "steep_turn", "comment": "45 degrees all along"},
  {"kind": "upset", "from": "20:01", "to": "20:04", "label": null}]}
```

or the same as CSV: `session,kind,from,to,label,instructor,comment`. `session` is the session's file or id, times count
from the start of the recording as on the review page, both ends included; an empty label says that there was nothing.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pipelines.flight.maneuvers import MANEUVERS

MOST_BYTES = 1024 * 1024
MOST_CORRECTIONS = 1_000
KINDS = {"maneuver": "maneuver_segments", "upset": "upset_events", "approach": "approach_judgements"}
"""What instructors write, and the prediction table that they mean."""
LABELS: dict[str, tuple[str, ...]] = {
    "maneuver": MANEUVERS,
    "upset": ("stall", "overbank", "nose_high", "nose_low"),
    "approach": ("stable", "unstable"),
}
_COLUMNS = ("session", "kind", "from", "to", "label", "instructor", "comment")
_REQUIRED = ("session", "kind", "from", "to")
_CLOCK = re.compile(r"(?:(\d{1,2}):)?(\d{1,3}):([0-5]\d)", re.ASCII)
_SECONDS = re.compile(r"\d{1,6}", re.ASCII)
_LONGEST_TEXT = 2_000


class InvalidCorrectionError(ValueError):
    """A file of corrections that cannot be taken; the message names the row, what is wrong and what to write."""


@dataclass(frozen=True)
class Correction:
    """What an instructor says of some seconds of a session."""

    session: str
    """File below the sessions folder, or id of a session."""
    kind: str
    """A key of `KINDS`."""
    start_second: int
    end_second: int
    """Inclusive."""
    label: str | None
    """What it was in truth; None for nothing at all."""
    instructor: str | None
    comment: str | None


def read_corrections(name: str, content: bytes) -> list[Correction]:
    """The corrections of a file, in its order.

    Raises:
        InvalidCorrectionError: the file is none, or a row of it is wrong; then none of its rows counts.
    """
    if len(content) > MOST_BYTES:
        raise InvalidCorrectionError(f"It is too large, at most {MOST_BYTES:,} bytes are read: make several.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidCorrectionError(f"It is not UTF-8 from byte {error.start} on: save it as UTF-8.") from None
    rows = list(_csv_rows(text) if name.endswith(".csv") else _json_rows(text))
    if not rows or len(rows) > MOST_CORRECTIONS:
        raise InvalidCorrectionError(f"It holds {len(rows):,} corrections: write 1 to {MOST_CORRECTIONS:,}.")
    return [_correction(place, row) for place, row in rows]


def as_json(correction: Correction) -> str:
    """The correction as text, the same for the same correction."""
    return json.dumps(asdict(correction), sort_keys=True, ensure_ascii=False)


def _json_rows(text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidCorrectionError(f"It is no JSON ({str(error)[:200]}).") from None
    if not isinstance(found, dict) or not isinstance(found.get("corrections"), list):
        raise InvalidCorrectionError('It is no object with a list "corrections": see docs/corrections.md.')
    common = {name: found[name] for name in ("session", "instructor") if name in found}
    if unknown := sorted(set(found) - {"session", "instructor", "corrections"}):
        raise InvalidCorrectionError(f"Key {unknown[0][:80]!a} is unknown: correct its spelling or drop it.")
    for number, row in enumerate(found["corrections"], start=1):
        if not isinstance(row, dict):
            raise InvalidCorrectionError(f"Correction {number} is no object.")
        yield f"Correction {number}", {**common, **row}


def _csv_rows(text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    reader = csv.reader(io.StringIO(text), strict=True)
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        if missing := [name for name in _REQUIRED if name not in header]:
            raise InvalidCorrectionError(f"Line 1 has no column `{missing[0]}`: write {', '.join(_COLUMNS)}.")
        for cells in reader:
            if any(cell.strip() for cell in cells):
                if len(cells) != len(header):
                    raise InvalidCorrectionError(
                        f"Line {reader.line_num} has {len(cells)} fields, the header {len(header)}: quote commas."
                    )
                row = dict(zip(header, (cell.strip() for cell in cells), strict=True))
                yield f"Line {reader.line_num}", row
    except csv.Error as error:
        raise InvalidCorrectionError(f"Line {reader.line_num} is no CSV: {error}.") from None


def _correction(place: str, row: Mapping[str, Any]) -> Correction:
    if unknown := sorted(set(row) - set(_COLUMNS)):
        raise InvalidCorrectionError(f"{place}: {unknown[0][:80]!a} is unknown: write {', '.join(_COLUMNS)}.")
    session, kind = _text(place, row, "session"), _text(place, row, "kind")
    if not session:
        raise InvalidCorrectionError(f"{place} names no session: write the session's file or id.")
    if kind not in KINDS:
        raise InvalidCorrectionError(f"{place}: kind is {ascii(kind)[:80]}: write one of {', '.join(KINDS)}.")
    label = (_text(place, row, "label") or "").lower().replace(" ", "_") or None
    if label is not None and label not in LABELS[kind]:
        known = ", ".join(LABELS[kind])
        raise InvalidCorrectionError(f"{place}: label is {ascii(label)[:80]}: write one of {known}, or nothing.")
    start, end = _second(place, row, "from"), _second(place, row, "to")
    if end < start:
        raise InvalidCorrectionError(f"{place} ends before it begins: `to` is included and not before `from`.")
    return Correction(session, kind, start, end, label, _text(place, row, "instructor"), _text(place, row, "comment"))


def _text(place: str, row: Mapping[str, Any], name: str) -> str | None:
    value = row.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT or not value.isprintable():
        raise InvalidCorrectionError(f"{place}: `{name}` is no text of one line, of at most {_LONGEST_TEXT:,} signs.")
    return value


def _second(place: str, row: Mapping[str, Any], name: str) -> int:
    text = str(row.get(name, "")).strip()
    if _SECONDS.fullmatch(text):
        return int(text)
    if (found := _CLOCK.fullmatch(text)) is not None and (found[1] is None or int(found[2]) < 60):
        return int(found[1] or 0) * 3600 + int(found[2]) * 60 + int(found[3])
    raise InvalidCorrectionError(
        f"{place}: `{name}` is {ascii(text)[:80]}: write a time as on the review page, such as 12:30 or 1:02:30, or "
        "whole seconds."
    )
