"""How a commit follows from the one that the branch was at before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pipelines.releases.git.repository import Repository

MOST_LISTED = 50
"""So many passed-over commits are named; beyond that only their number is told."""

_NOTHING_IN_COMMON = 1

Course = Literal["first", "same", "forward", "rewound", "rewritten", "unrelated"]


@dataclass(frozen=True)
class Relation:
    """The way from `before` to `head`."""

    course: Course
    """`first`: there is no before. `forward`: pushed on top. `rewound`: an ancestor of before. `rewritten`: they part
    at an earlier commit, or before is no longer on the remote. `unrelated`: no commit in common."""
    head: str
    before: str | None
    parted_at: str | None = None
    """The newest commit in common, of a rewritten history, if it is known."""
    passed_over: tuple[str, ...] = ()
    """Commits of a forward course that were the branch's on the way and were never its head at a look, newest first;
    only those on the first-parent line, so the inside of a merged branch does not count."""
    passed_over_count: int = 0


def relate(repository: Repository, head: str, before: str | None) -> Relation:
    """The relation of `head`, whose whole history the repository has, to `before`.

    Raises:
        GitProblemError: the repository cannot be read.
    """
    if before is None:
        return Relation("first", head, None)
    if head == before:
        return Relation("same", head, before)
    if not repository.has(before):
        # The branch's history is here whole, so what is not here is not in it.
        return Relation("rewritten", head, before)
    parted = repository.run("merge-base", head, before)
    common = parted.stdout.decode().strip()
    if parted.status not in (0, _NOTHING_IN_COMMON):
        repository.read("merge-base", head, before)
    if common == before:
        # The oldest of this list is what was pushed first on top of `before`.
        line = repository.read("rev-list", "--first-parent", f"{before}..{head}").decode().split()
        passed = [commit for commit in line if commit != head]
        return Relation("forward", head, before, None, tuple(passed[:MOST_LISTED]), len(passed))
    if common == head:
        return Relation("rewound", head, before)
    if common:
        return Relation("rewritten", head, before, common)
    return Relation("unrelated", head, before)
