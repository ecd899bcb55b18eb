"""Corrections of customers who share them become labels: files of the landing zone, which name no customer.

A label needs its session, so both are put there: the session's file under its id, and a file of annotations beside it.
From there they take the way of every upload, through bronze, silver, checks and the signature of gold. Each file of
annotations holds all that was corrected in the session so far, so the newest one counts.

The step of production tells which corrections are shared, and cannot write the landing zone; the sensor `shared_labels`
can, and reads no table.
"""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from pipelines.customers.corrections import LABELS
from pipelines.customers.files import CustomerFiles
from pipelines.customers.places import SESSIONS
from pipelines.landing.uploads import LandedFile

INSTRUCTOR = "customer"
"""Who labelled, for all customers alike."""
_UPSET = "upset"


class NotShareableError(LookupError):
    """The session's file is not what was corrected (any more); the message says of which session, and no more."""


class SharedCorrection(BaseModel):
    """What of a correction becomes a label: numbers and a known word, nothing that the customer wrote."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    correction_id: str = Field(pattern=r"^[0-9a-f]{16}$")
    session_id: str
    kind: Literal["maneuver_segments", "upset_events", "approach_judgements"]
    start_second: int
    end_second: int
    label: Literal[(*LABELS["maneuver"], *LABELS["upset"], *LABELS["approach"])] | None  # type: ignore[valid-type]
    recorded_at: datetime


class SharedSession(BaseModel):
    """A session with all corrections of it that are shared, as the step tells it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    session_id: str = Field(pattern=r"^[0-9a-f]{16}$")
    file_name: str
    """Below the customer's sessions folder."""
    corrections: tuple[SharedCorrection, ...]


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
    # Says when, so that no two states of the corrections are the same bytes, of which the ledger keeps one.
    state = f"corrections until {ordered[-1]['recorded_at'].astimezone(UTC):%Y-%m-%d %H:%M:%S.%f} UTC"
    writer.writerows((session_file, start, end + 1, label, INSTRUCTOR, state) for start, end, label in spans)
    return text.getvalue().encode()


def share_session(
    shared: SharedSession, files: CustomerFiles, sessions: Landing, annotations: Landing, day: date
) -> list[str]:
    """`share_labels` of a session that lies among the customer's files.

    Raises:
        NotShareableError: its file is gone, or holds another session now.
        FileChangedError, OSError, LandingUnavailableError: a file could not be read, or not be put there: try again.
    """
    if not any(one.label is not None and one.kind != "approach_judgements" for one in shared.corrections):
        return []
    file = files.look(f"{SESSIONS}/{shared.file_name}")
    content = files.read(file) if file is not None else b""
    if sha256(content).hexdigest()[:16] != shared.session_id:
        raise NotShareableError(f"The file of session {shared.session_id} is not there any more.")
    rows = [{**one.model_dump(), "shared": True} for one in shared.corrections if one.session_id == shared.session_id]
    return share_labels(shared.session_id, shared.file_name, content, rows, sessions, annotations, day)


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
