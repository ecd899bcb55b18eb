"""Which sessions gold must make (again): those whose source differs from what gold was made from.

An instructor names a session by its file's name alone. A name means the file that arrived on the annotation's
own upload day; if there was none, the nearest earlier day, then the nearest later one. If several files of that
day have the name, the one in the annotation's subfolder is meant; if that is not unique, nothing is labelled and
the name is reported as ambiguous.

A session is superseded, and leaves gold, when every file that held it has been overwritten by another session.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from dataclasses import astuple, dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from pipelines.flight.cleaning import rules_digest
from pipelines.tables.contracts import (
    ANNOTATION_FILES,
    ANNOTATIONS,
    GOLD,
    GOLD_SESSIONS,
    SESSION_FILES,
    SILVER_SESSIONS,
)
from pipelines.tables.labels import AnnotationRow, Label, labels_of
from pipelines.tables.selecting import in_list, rows_in

if TYPE_CHECKING:
    from pipelines.engines.engine import Engine


@dataclass(frozen=True)
class PendingSession:
    """A session to refine, with everything that gold makes it from except its samples."""

    session_id: str
    upload_day: date
    facts: dict[str, Any]
    """Its row of `main.silver.sessions`."""
    labels: tuple[Label, ...]
    source_digest: str


@dataclass
class Pending:
    """What refining an upload day has to do."""

    sessions: list[PendingSession] = field(default_factory=list)
    superseded: dict[str, date] = field(default_factory=dict)
    """Sessions to remove from gold, with their upload day."""
    ambiguous: list[str] = field(default_factory=list)
    """`<annotation file>: <session file>` of names that more than one session could be meant by."""
    unmatched: list[str] = field(default_factory=list)
    """The same for names that no session file has (yet)."""

    @property
    def days(self) -> list[date]:
        """Upload days of all sessions concerned."""
        return sorted({*(session.upload_day for session in self.sessions), *self.superseded.values()})

    @property
    def session_ids(self) -> list[str]:
        """All sessions concerned, superseded ones included."""
        return sorted({*(session.session_id for session in self.sessions), *self.superseded})


@dataclass(frozen=True)
class _Landed:
    """An accepted or duplicate row of a ledger."""

    file_path: str
    upload_day: date
    written_ns: int
    holds: str
    """Session id, or digest of an annotation file."""

    @property
    def name(self) -> str:
        return self.file_path.rsplit("/", 1)[-1]

    @property
    def subfolder(self) -> str:
        return self.file_path.partition("/")[2].rpartition("/")[0]


def find_pending(engine: Engine, upload_day: date) -> Pending:
    """The pending sessions of an upload day.

    Looked at are the sessions of the files of that day, the sessions that annotations of that day name, and those
    whose files share a name with files of that day.
    """
    landed = _landed(engine, SESSION_FILES, "session_id")
    notes = {note.holds: note for note in _landed(engine, ANNOTATION_FILES, "content_digest")}
    current_notes = {note.holds for note in _newest(notes.values())}
    by_name: dict[str, list[_Landed]] = defaultdict(list)
    names_of: dict[str, set[str]] = defaultdict(set)
    for file in landed:
        by_name[file.name].append(file)
        names_of[file.holds].add(file.name)

    day = f"DATE'{upload_day.isoformat()}'"
    named_today = engine.table(ANNOTATIONS.name).where(f"upload_day = {day}").select("session_file").distinct()
    names = {file.name for file in landed if file.upload_day == upload_day}
    names |= set(named_today.toArrow().column(0).to_pylist())
    concerned = {file.holds for name in names for file in by_name.get(name, ())}
    for session_id in concerned:
        names |= names_of[session_id]

    pending = Pending()
    rows_of: dict[str, list[AnnotationRow]] = defaultdict(list)
    for row in _annotation_rows(engine, names, notes):
        if row.content_digest in current_notes:
            meant = _meant(row, notes[row.content_digest], by_name.get(row.session_file, []))
            if len(meant) == 1:
                rows_of[next(iter(meant))].append(row)
            else:
                problem = f"{row.file_path}: {row.session_file}"
                known = pending.ambiguous if meant else pending.unmatched
                if problem not in known:
                    known.append(problem)

    done = _source_digests(engine, concerned)
    current = {file.holds for file in _newest(landed)}
    for facts in sorted(rows_in(engine, SILVER_SESSIONS, "session_id", concerned), key=lambda row: row["session_id"]):
        session_id = facts["session_id"]
        if session_id not in current:
            if session_id in done:
                pending.superseded[session_id] = facts["upload_day"]
            continue
        labels = labels_of(rows_of[session_id])
        digest = source_digest(session_id, labels)
        if done.get(session_id) != digest:
            pending.sessions.append(PendingSession(session_id, facts["upload_day"], facts, labels, digest))
    return pending


def source_digest(session_id: str, labels: tuple[Label, ...]) -> str:
    """Digest of all that a session's gold rows depend on: its bytes, its labels, the rules and the contracts."""
    contracts = [(str(each.name), [(column.name, column.type) for column in each.columns]) for each in GOLD]
    source = [session_id, [astuple(label) for label in labels], rules_digest(), contracts]
    return hashlib.sha256(json.dumps(source).encode()).hexdigest()[:16]


def _landed(engine: Engine, ledger: Any, holds: str) -> list[_Landed]:
    rows = (
        engine.table(ledger.name)
        .where("status IN ('accepted', 'duplicate')")
        .select("file_path", "file_version", "upload_day", holds)
        .toArrow()
        .to_pylist()
    )
    return [
        _Landed(row["file_path"], row["upload_day"], int(row["file_version"].split("-")[0]), row[holds]) for row in rows
    ]


def _newest(files: Any) -> list[_Landed]:
    """The newest version of each path."""
    newest: dict[str, _Landed] = {}
    for file in files:
        kept = newest.get(file.file_path)
        if kept is None or (file.written_ns, file.holds) > (kept.written_ns, kept.holds):
            newest[file.file_path] = file
    return list(newest.values())


def _meant(row: AnnotationRow, note: _Landed, candidates: list[_Landed]) -> set[str]:
    """The sessions that a row could mean: one, none, or several if the name is ambiguous."""
    if not candidates:
        return set()
    earlier = [file.upload_day for file in candidates if file.upload_day <= row.upload_day]
    day = max(earlier) if earlier else min(file.upload_day for file in candidates)
    of_day = _newest(file for file in candidates if file.upload_day == day)
    beside = {file.holds for file in of_day if file.subfolder == note.subfolder}
    return beside if len(beside) == 1 else {file.holds for file in of_day}


def _annotation_rows(engine: Engine, names: set[str], notes: dict[str, _Landed]) -> list[AnnotationRow]:
    return [
        AnnotationRow(
            upload_day=row["upload_day"],
            written_ns=notes[row["content_digest"]].written_ns,
            file_path=notes[row["content_digest"]].file_path,
            row_number=row["row_number"],
            content_digest=row["content_digest"],
            session_file=row["session_file"],
            start_s=row["start_s"],
            end_s=row["end_s"],
            maneuver=row["maneuver"],
            instructor=row["instructor"] or "",
            comment=row["comment"] or "",
        )
        for row in rows_in(engine, ANNOTATIONS, "session_file", names)
        if row["content_digest"] in notes
    ]


def _source_digests(engine: Engine, session_ids: set[str]) -> dict[str, str]:
    if not session_ids:
        return {}
    rows = (
        engine.table(GOLD_SESSIONS.name)
        .where(in_list("session_id", session_ids))
        .select("session_id", "source_digest")
        .toArrow()
    )
    return dict(zip(rows.column(0).to_pylist(), rows.column(1).to_pylist(), strict=True))
