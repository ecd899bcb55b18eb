"""Who made a commit, when, and why: what a registered model version says of its code."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pipelines.releases.git.repository import Repository

_FIELDS = ("%H", "%T", "%an", "%ae", "%aI", "%cn", "%ce", "%cI", "%s")


@dataclass(frozen=True)
class CommitRecord:
    """A commit's own account of itself; names and times are whatever its author's machine said."""

    commit: str
    tree: str
    author: str
    """`Name <address>`."""
    authored_at: datetime
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
        author=f"{author} <{author_mail}>",
        authored_at=datetime.fromisoformat(authored),
        committer=f"{committer} <{committer_mail}>",
        committed_at=datetime.fromisoformat(committed),
        subject=subject,
    )
