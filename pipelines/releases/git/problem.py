"""A reason why something cannot be done, as a value: what happened, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "branch_missing",
    "not_found",
    "authentication",
    "unreachable",
    "timed_out",
    "busy",
    "too_large",
    "git",
    "rewritten",
    "contents",
    "signature",
]

_PASSING: frozenset[Kind] = frozenset({"unreachable", "timed_out", "busy", "git"})


@dataclass(frozen=True)
class Problem:
    """Why a look at the remote, or a commit, came to nothing."""

    kind: Kind
    what: str
    """A sentence for a person: what, where, why."""
    remedy: str
    """A sentence for a person: what to do."""

    @property
    def passes_by_itself(self) -> bool:
        """Whether the same attempt may succeed later without anyone doing anything."""
        return self.kind in _PASSING

    def __str__(self) -> str:
        return f"{self.what} {self.remedy}"


class GitProblemError(Exception):
    """A git operation that failed for a reason which a person can read; `problem` is that reason."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem
