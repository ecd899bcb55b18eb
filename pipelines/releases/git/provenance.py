"""Who made a commit, when, and why: what a registered model version says of its code."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from pipelines.releases.git.repository import Repository

_FIELDS = ("%H", "%T", "%an", "%ae", "%at", "%cn", "%ce", "%ct", "%s")


@dataclass(frozen=True)
class CommitRecord:
    """A commit's own account of itself; names and times are whatever its author's machine said."""

    commit: str
    tree: str
    author: str
    """`Name <address>`."""
    authored_at: datetime
    """In UTC; the start of 1970 if the commit claims no possible time."""
    committer: str
    committed_at: datetime
    subject: str


def read_commit(repository: Repository, commit: str) -> CommitRecord:
    """The record of a commit.

    Raises:
        AbsentCommitError: the repository does not have it.
        GitProblemError: it cannot be read.
    """
    form = "%x00".join(_FIELDS)
    shown = repository.read("show", "--no-patch", "--no-notes", "--encoding=UTF-8", f"--format={form}", commit, "--")
    found, tree, author, author_mail, authored, committer, committer_mail, committed, subject = (
        shown.decode(errors="replace").rstrip("\n").split("\0")
    )
    return CommitRecord(
        commit=found,
        tree=tree,
        author=_shown(f"{author} <{author_mail}>"),
        authored_at=_time(authored),
        committer=_shown(f"{committer} <{committer_mail}>"),
        committed_at=_time(committed),
        subject=_shown(subject),
    )


def _shown(text: str) -> str:
    """Without what would move the cursor of a terminal or break a line."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def _time(seconds: str) -> datetime:
    try:
        return datetime.fromtimestamp(int(seconds), UTC)
    except (ValueError, OverflowError, OSError):  # a commit can claim what no calendar has
        return datetime.fromtimestamp(0, UTC)
