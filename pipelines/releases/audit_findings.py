"""Whether the record of releases was only ever added to, and whether what it says holds together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.releases.audit import AuditTable
from pipelines.releases.plan import Plan
from pipelines.releases.record import Record
from pipelines.tables.history import current_version, history, log_state_matches

if TYPE_CHECKING:
    from pipelines.tables.history import Commit


def edits(audit: AuditTable) -> list[str]:
    """Commits of the table that did something else than add rows, a sentence each."""
    name = audit.contract.name
    commits = history(audit.engine, name)
    found = [f"{name} version {commit.version} by {commit.author}: {_edit(commit)}" for commit in _edited(commits)]
    versions = {commit.version for commit in commits}
    newest = current_version(audit.engine, name)
    if missing := [number for number in range(newest + 1) if number not in versions]:
        return [*found, f"{name}: commits {_listed(missing)} are gone from its log, so nobody can tell what they did."]
    if (problem := log_state_matches(audit.engine, name, newest)) is not None:
        found.append(f"{name}: {problem}")
    return found


def contradictions(record: Record) -> list[str]:
    """What in the record cannot be the work of moves, a sentence each: forged, doubled or lost rows."""
    found = []
    sequences = sorted({entry.sequence for entry in record.entries})
    if missing := sorted(set(range(1, sequences[-1] + 1 if sequences else 1)) - set(sequences)):
        found.append(f"moves {_listed(missing)} are missing.")
    for sequence in sequences:
        rows = [entry for entry in record.entries if entry.sequence == sequence]
        if len({row.move_id for row in rows}) > 1 or len({row.model for row in rows}) < len(rows):
            found.append(f"move {sequence} was recorded more than once.")
    plans: dict[str, Plan] = {}
    for entry in record.entries:
        known = plans.get(entry.model, Plan())
        where = f"move {entry.sequence} of {entry.model} ({entry.transition} by {entry.by.actor})"
        if entry.after is None:
            if entry.revision != known.revision:
                found.append(f"{where} says revision {entry.revision}, the plan was at {known.revision}.")
            continue
        if entry.before != known:
            found.append(f"{where} starts from another plan than the move before it ended with.")
        jumps = entry.transition == "repaired" and entry.after.revision > known.revision
        if entry.after.revision != known.revision + 1 and not jumps:
            found.append(f"{where} goes from revision {known.revision} to {entry.after.revision}.")
        if entry.revision != entry.after.revision:
            found.append(f"{where} says revision {entry.revision}, its plan {entry.after.revision}.")
        plans[entry.model] = entry.after
    return found


def _edited(commits: list[Commit]) -> list[Commit]:
    return [commit for commit in commits if _edit(commit)]


def _edit(commit: Commit) -> str:
    if commit.changes_data and (commit.removed_files or (commit.removed_files is None and not _only_adds(commit))):
        return f"{commit.operation} at {commit.timestamp.isoformat(timespec='seconds')} removed or changed rows."
    if commit.operation.upper().startswith(("CREATE OR REPLACE", "REPLACE", "RESTORE")):
        return f"{commit.operation} at {commit.timestamp.isoformat(timespec='seconds')} replaced the table."
    return ""


def _only_adds(commit: Commit) -> bool:
    """Whether the operation adds rows and nothing else, for tables of which only SQL tells."""
    return commit.operation.upper() in ("WRITE", "CREATE TABLE", "STREAMING UPDATE", "COPY INTO")


def _listed(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[:10])) + (" and more" if len(numbers) > 10 else "")
