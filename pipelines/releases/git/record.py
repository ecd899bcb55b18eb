"""What the outside world knows of a branch's releases: plan tags, partitions and runs, never a sensor's memory.

Whoever asks for a decision reads this first, so that a lost cursor, a renamed sensor or a second sensor releases
nothing twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Outcome = Literal["infrastructure", "gate", "refused", "gold", "stopped", "superseded"]
"""How an attempt to release ended without success. `infrastructure`: nothing is wrong with the commit. `gate`: a gate
stopped it. `refused`: its code or manifest cannot be used. `gold`: gold cannot be trained on as it is. `stopped`: by a
person. `superseded`: a newer one came."""


@dataclass(frozen=True)
class Attempt:
    """The last attempt to release a commit that ended, and not in a release."""

    number: int
    """The first is 1."""
    outcome: Outcome
    ended_at: float
    """Seconds since the epoch."""
    why: str
    """A sentence for a person."""


@dataclass(frozen=True)
class InFlight:
    """A release under way that would become what customers get."""

    commit: str
    attempt: int


@dataclass(frozen=True)
class Record:
    """The state of one branch's releases."""

    current: str | None = None
    """The commit whose models are what customers get; None before the first release."""
    tip: str | None = None
    """The commit that the branch was last known at when something was done about it: released, rolled back to by
    rewinding, or attempted. A rollback by command leaves it. New commits must follow from it."""
    released: frozenset[str] = frozenset()
    """All commits that were released at any time, so their versions are registered."""
    in_flight: InFlight | None = None
    attempts: Mapping[str, Attempt] = field(default_factory=dict)
    """The last ended attempt by commit, of commits that are not released since."""
    quarantined: Mapping[str, str] = field(default_factory=dict)
    """Commits that may not be released, with the reason, until a person lifts it."""
    asked_again: Mapping[str, int] = field(default_factory=dict)
    """Commits that a person wants tried once more, with the number of the failed attempt that they saw."""
    accepted: frozenset[str] = frozenset()
    """Heads of rewritten history that a person has accepted."""
