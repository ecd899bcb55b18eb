"""Corrections of customers who share them become labels: files of the landing zone, which name no customer.

A label needs its session, so both are put there: the session's file under its id, and a file of annotations beside it.
From there they take the way of every upload, through bronze, silver, checks and the signature of gold. Each file of
annotations holds all that was corrected in the session so far, so the newest one counts.
"""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from pipelines.landing.uploads import LandedFile

INSTRUCTOR = "customer"
"""Who labelled, for all customers alike."""
_UPSET = "upset"


class Landing(Protocol):
    """Where files are added, see `pipelines.landing.uploads.Uploads`."""

    def add(self, source: Path, file_path: str) -> LandedFile | None:
        """Put a copy of a local file there; None if the path is taken."""
        ...


def annotations_of(session_file: str, corrections: Iterable[Mapping[str, Any]]) -> bytes | None:
    """A file of annotations with what `corrections` (rows of the table, of one session) say; None if no label does.

    Where two disagree on a second, the later one counts. An approach's outcome is no label, and neither is "nothing".
    No text of the customer's is in it.
    """
    ordered = sorted(corrections, key=lambda row: (row["recorded_at"], row["correction_id"]))
    spans = [
        (start, end, label)
        for kind in ("maneuver_segments", "upset_events")
        for start, end, label in _painted([row for row in ordered if row["kind"] == kind], kind)
    ]
    if not spans:
        return None
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("session_file", "start_s", "end_s", "maneuver", "instructor", "comment"))
    writer.writerows((session_file, start, end + 1, label, INSTRUCTOR, "") for start, end, label in spans)
    return text.getvalue().encode()


def share_labels(
    session_id: str,
    session_name: str,
    session: bytes,
    corrections: Sequence[Mapping[str, Any]],
    sessions: Landing,
    annotations: Landing,
    day: date,
) -> list[str]:
    """Put the session and its labels into the landing zone, if there are any; the paths that were added.

    Only what is marked as shared is. Doing it again adds nothing.

    Args:
        session_name: the customer's file, of which only the ending is kept.
        session: its bytes.
        corrections: rows of `corrections` of the session.
        sessions: the landing zone's sessions.
        annotations: its annotations.
        day: the upload day, today.
    """
    name = f"{session_id}{_ending(session_name)}"
    content = annotations_of(name, [row for row in corrections if row["shared"]])
    if content is None:
        return []
    digest = sha256(content).hexdigest()[:12]
    added = [
        _added(sessions, f"{day.isoformat()}/{name}", session),
        _added(annotations, f"{day.isoformat()}/{session_id}-{digest}.csv", content),
    ]
    return [path for path in added if path is not None]


def _added(uploads: Landing, path: str, content: bytes) -> str | None:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / PurePosixPath(path).name
        source.write_bytes(content)
        return None if uploads.add(source, path) is None else path


def _ending(name: str) -> str:
    """The known endings of a session's file; readers go by the bytes, and other endings could name somebody."""
    lower = name.lower()
    return next((ending for ending in (".csv.gz", ".csv", ".parquet") if lower.endswith(ending)), ".csv")


def _painted(rows: Sequence[Mapping[str, Any]], kind: str) -> list[tuple[int, int, str]]:
    """First and last second and label of each stretch that the rows leave, the later laid over the earlier."""
    seconds: dict[int, str | None] = {}
    for row in rows:
        label = row["label"] if kind == "maneuver_segments" or row["label"] is None else _UPSET
        seconds.update(dict.fromkeys(range(row["start_second"], row["end_second"] + 1), label))
    spans: list[tuple[int, int, str]] = []
    for second, label in sorted(seconds.items()):
        if label is None:
            continue
        if spans and spans[-1][1] == second - 1 and spans[-1][2] == label:
            spans[-1] = (spans[-1][0], second, label)
        else:
            spans.append((second, second, label))
    return spans
