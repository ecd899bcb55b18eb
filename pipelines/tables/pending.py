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
from pipelines.landing.uploads import written_ns
from pipelines.tables.contracts import (
    ANNOTATION_FILES,
    ANNOTATIONS,
    GOLD,
    GOLD_SESSIONS,
    SESSION_FILES,
    SILVER_SESSIONS,
)
from pipelines.tables.labels import AnnotationRow, Label, labels_of
from pipelines.tables.selecting import in_list, selected

if TYPE_CHECKING:
    from pipelines.engines.engine import Engine


_IN_GOLD = "digest_in_gold"


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
    landed, notes = _landed(engine)
    current_notes = {note.holds for note in _newest(notes.values())}
    by_name: dict[str, list[_Landed]] = defaultdict(list)
    names_of: dict[str, set[str]] = defaultdict(set)
    for file in landed:
        by_name[file.name].append(file)
        names_of[file.holds].add(file.name)

    def with_other_names(names: set[str]) -> tuple[set[str], set[str]]:
        """The sessions that have one of the names, and all their names."""
        sessions = {file.holds for name in names for file in by_name.get(name, ())}
        return sessions, names.union(*(names_of[session] for session in sessions))

    arrived = {file.name for file in landed if file.upload_day == upload_day}
    _, names_of_day = with_other_names(arrived)
    annotations = _annotation_rows(engine, upload_day, names_of_day, notes)
    named = {row.session_file for row in annotations if row.upload_day == upload_day}
    concerned, names = with_other_names(arrived | named)
    if not names <= names_of_day:  # annotations of the day name sessions of other days
        annotations = _annotation_rows(engine, None, names, notes)

    pending = Pending()
    rows_of: dict[str, list[AnnotationRow]] = defaultdict(list)
    for row in annotations:
        if row.content_digest in current_notes and row.session_file in names:
            meant = _meant(row, notes[row.content_digest], by_name.get(row.session_file, []))
            if len(meant) == 1:
                rows_of[next(iter(meant))].append(row)
            else:
                problem = f"{row.file_path}: {row.session_file}"
                known = pending.ambiguous if meant else pending.unmatched
                if problem not in known:
                    known.append(problem)

    current = {file.holds for file in _newest(landed)}
    for facts in _facts(engine, concerned):
        session_id, done = facts["session_id"], facts.pop(_IN_GOLD)
        if session_id not in current:
            if done is not None:
                pending.superseded[session_id] = facts["upload_day"]
            continue
        labels = labels_of(rows_of[session_id])
        digest = source_digest(session_id, labels)
        if done != digest:
            pending.sessions.append(PendingSession(session_id, facts["upload_day"], facts, labels, digest))
    return pending


def source_digest(session_id: str, labels: tuple[Label, ...]) -> str:
    """Digest of all that a session's gold rows depend on: its bytes, its labels, the rules and the contracts."""
    contracts = [(str(each.name), [(column.name, column.type) for column in each.columns]) for each in GOLD]
    source = [session_id, [astuple(label) for label in labels], rules_digest(), contracts]
    return hashlib.sha256(json.dumps(source).encode()).hexdigest()[:16]


def _landed(engine: Engine) -> tuple[list[_Landed], dict[str, _Landed]]:
    """The session files of both ledgers that are not in quarantine, and the annotation files by digest."""
    parts = [
        f"SELECT '{ledger.name}' AS ledger, file_path, file_version, upload_day, {holds} AS holds FROM {ledger.name} "
        "WHERE status IN ('accepted', 'duplicate')"
        for ledger, holds in ((SESSION_FILES, "session_id"), (ANNOTATION_FILES, "content_digest"))
    ]
    rows = engine.spark.sql(" UNION ALL ".join(parts)).toArrow().to_pylist()
    found: dict[str, list[_Landed]] = {str(SESSION_FILES.name): [], str(ANNOTATION_FILES.name): []}
    for row in rows:
        written = written_ns(row["file_version"])
        found[row["ledger"]].append(_Landed(row["file_path"], row["upload_day"], written, row["holds"]))
    return found[str(SESSION_FILES.name)], {note.holds: note for note in found[str(ANNOTATION_FILES.name)]}


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


def _annotation_rows(
    engine: Engine, upload_day: date | None, names: set[str], notes: dict[str, _Landed]
) -> list[AnnotationRow]:
    """The annotations of that upload day, and those of whatever day that name one of `names`."""
    if not notes:
        return []
    of_day = in_list("upload_day", [upload_day] if upload_day else [])
    found = selected(engine, engine.table(ANNOTATIONS.name), "session_file", names, also=of_day)
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
        for row in found.select(*ANNOTATIONS.column_names).toArrow().to_pylist()
        if row["content_digest"] in notes
    ]


def _facts(engine: Engine, session_ids: set[str]) -> list[dict[str, Any]]:
    """The sessions' rows of `main.silver.sessions` by id, each with its source digest in gold, if it is there."""
    if not session_ids:
        return []
    facts = selected(engine, engine.table(SILVER_SESSIONS.name), "session_id", session_ids)
    in_gold = engine.table(GOLD_SESSIONS.name).selectExpr("session_id", f"source_digest AS {_IN_GOLD}")
    rows = facts.join(in_gold, "session_id", "left").select(*SILVER_SESSIONS.column_names, _IN_GOLD)
    return sorted(rows.toArrow().to_pylist(), key=lambda row: row["session_id"])
