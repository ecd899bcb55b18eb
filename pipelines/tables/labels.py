"""Which of the instructors' rows label a session, and which second gets which.

- A later upload under the same path replaces the earlier one entirely.
- Of one instructor's files that mention a session, the newest counts (upload day, then time of writing, then path).
- Rows of different instructors are laid over each other: where they disagree on a second, the newest file counts.
- `upset` rows overlay the maneuvers and are laid over each other apart from them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

UPSET = "upset"

SECONDS_PRECISION = 1e-6


@dataclass(frozen=True, order=True)
class AnnotationRow:
    """One row of an instructor's file, with what orders it among others (in the order of the fields)."""

    upload_day: date
    written_ns: int
    """Modification time of the file, nanoseconds."""
    file_path: str
    row_number: int
    content_digest: str
    session_file: str
    start_s: float
    end_s: float
    maneuver: str
    instructor: str
    comment: str


@dataclass(frozen=True)
class Label:
    """An interval of a session: from `start_s` up to, not including, `end_s`."""

    start_s: float
    end_s: float
    maneuver: str
    instructor: str
    comment: str


@dataclass(frozen=True)
class Segment:
    """Consecutive seconds that one label covers, both ends included."""

    start_second: int
    end_second: int
    label: Label


def labels_of(rows: Iterable[AnnotationRow]) -> tuple[Label, ...]:
    """The labels of one session out of all rows that concern it, oldest first."""
    ordered = sorted(rows)
    newest = {row.instructor: (row.upload_day, row.written_ns, row.file_path) for row in ordered}
    return tuple(
        Label(row.start_s, row.end_s, row.maneuver, row.instructor, row.comment)
        for row in ordered
        if newest[row.instructor] == (row.upload_day, row.written_ns, row.file_path)
    )


def paint(labels: Sequence[Label], seconds: int, *, upsets: bool) -> NDArray[np.int64]:
    """For each second, the position in `labels` of the one that counts there, or -1; maneuvers or upsets alone."""
    canvas = np.full(seconds, -1, dtype=np.int64)
    for position, label in enumerate(labels):
        if (label.maneuver == UPSET) == upsets:
            first = int(np.ceil(label.start_s - SECONDS_PRECISION))
            canvas[max(first, 0) : max(int(np.ceil(label.end_s - SECONDS_PRECISION)), 0)] = position
    return canvas


def segments_of(labels: Sequence[Label], seconds: int) -> list[Segment]:
    """The runs of seconds that each label covers, by start, maneuvers before upsets."""
    found: list[Segment] = []
    for upsets in (False, True):
        canvas = paint(labels, seconds, upsets=upsets)
        starts = np.flatnonzero(np.diff(canvas, prepend=-2) != 0)
        ends = np.append(starts[1:], seconds) - 1
        found += [
            Segment(int(start), int(end), labels[canvas[start]])
            for start, end in zip(starts, ends, strict=True)
            if canvas[start] >= 0
        ]
    return sorted(found, key=lambda segment: (segment.start_second, segment.label.maneuver == UPSET))
