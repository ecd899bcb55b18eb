"""What the record of releases holds: one entry for each model that a move touches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from pipelines.releases.plan import Plan

Event = Literal["requested", "refused", "approved", "pinned", "unpinned"]
"""What is worth recording and changes no plan."""

Transition = Literal[
    "promoted", "kept", "rolled_back", "restored", "retired", "quarantined", "lifted",
    "canary_started", "canary_widened", "canary_aborted", "repaired",
]  # fmt: skip
"""What changes a plan. restored: forward again to a release that had been left."""


@dataclass(frozen=True)
class By:
    """Who does something, and why: a person's name or that of a run."""

    actor: str
    reason: str

    def __post_init__(self) -> None:
        if not self.actor.strip() or not self.reason.strip():
            raise ValueError("every move names its actor and a reason: give both.")


@dataclass(frozen=True)
class Entry:
    """One model's part in one move. All entries of a move share its number and were written in one commit."""

    sequence: int
    """Number of the move, from 1 without holes."""
    move_id: str
    transition: Event | Transition
    model: str
    release: str
    """The commit that the move is about."""
    revision: int
    """Of the plan after the move."""
    by: By
    before: Plan | None
    """None for events, which change no plan."""
    after: Plan | None
    recorded_at: datetime
    evidence: Mapping[str, Any] = field(default_factory=dict)
    """What the move rests on, such as the results of the gates; JSON."""
