"""What is to be done about the commit that a branch is at: a pure function of what is known.

Level-based: it looks at where the branch is, not at what happened to it, so nothing that was missed can be lost.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from pipelines.releases.git.head import Head
from pipelines.releases.git.history import Relation
from pipelines.releases.git.problem import Problem
from pipelines.releases.git.record import Attempt, Record
from pipelines.releases.git.retry import RetryPolicy


@dataclass(frozen=True)
class Release:
    """Train, gate and roll out this commit."""

    commit: str
    attempt: int
    supersedes: str | None = None
    """Commit of a release under way that is to be ended, because the branch is no longer at it."""

    @property
    def run_key(self) -> str:
        """The same for the same attempt, however often it is decided."""
        return f"{self.commit}_{self.attempt}"


@dataclass(frozen=True)
class Rollback:
    """Move what customers get to this commit's registered versions, without training."""

    to: str
    supersedes: str | None = None


@dataclass(frozen=True)
class Wait:
    """Do nothing before `until` (seconds since the epoch): time will tell."""

    until: float
    why: str
    supersedes: str | None = None


@dataclass(frozen=True)
class Refuse:
    """Do nothing until a person does something."""

    why: str
    remedy: str
    supersedes: str | None = None


@dataclass(frozen=True)
class Nothing:
    """All is as it should be."""

    why: str
    supersedes: str | None = None


@dataclass(frozen=True)
class Examine:
    """The commit would be released if nothing speaks against it: fetch it, look, and decide again."""

    commit: str


Decision = Release | Rollback | Wait | Refuse | Nothing
Step = Decision | Examine


@dataclass(frozen=True)
class Examined:
    """What was found in a commit and in its history."""

    relation: Relation
    problems: tuple[Problem, ...] = ()

    @property
    def commit(self) -> str:
        """The commit that was examined."""
        return self.relation.head


@dataclass(frozen=True)
class Rules:
    """Choices of whoever runs the branch."""

    rewritten: Literal["refuse", "accept"] = "refuse"
    """What to do about a branch that no longer follows from where it was."""
    retries: RetryPolicy = field(default_factory=RetryPolicy)
    settle_rewind_seconds: float = 20.0
    """How long a branch must be at an older released commit before that counts as a rewind: a hosting service's
    replica that lags behind shows one for a moment, and customers must not go back and forth with it."""


def decide(
    head: Head | Problem,
    head_since: float,
    record: Record,
    rules: Rules,
    now: float,
    examined: Examined | None = None,
) -> Step:
    """What to do.

    Args:
        head: Where the branch is, or why that cannot be told.
        head_since: When it was first seen there, in seconds since the epoch; `now` if it was not before.
        record: What is known of its releases.
        rules: What to do about failures and rewritten history.
        now: Seconds since the epoch.
        examined: What was found in the head; without it, or with that of another commit, the answer may be `Examine`.
    """
    if isinstance(head, Problem):
        # Nobody knows that a release under way is unwanted, so it goes on.
        delay = rules.retries.delay_seconds(head.kind, 1)
        return Wait(now + delay, str(head)) if head.passes_by_itself else Refuse(head.what, head.remedy)
    commit = head.commit
    under_way = record.in_flight
    other = under_way.commit if under_way and under_way.commit != commit else None
    if commit in record.quarantined:
        return Refuse(
            f"Commit {_short(commit)} is in quarantine: {record.quarantined[commit]}",
            "Push a newer commit that mends it, or lift the quarantine.",
            supersedes=under_way.commit if under_way else None,
        )
    if under_way and not other:
        return Nothing(f"Commit {_short(commit)} is being released, attempt {under_way.attempt}.")
    if commit == record.current:
        return Nothing(f"Commit {_short(commit)} is what runs.", supersedes=other)
    if commit in record.released:
        settled = head_since + rules.settle_rewind_seconds
        if now < settled <= now + rules.settle_rewind_seconds:
            why = f"The branch is back at {_short(commit)}, which was released before; is it still there in a moment?"
            return Wait(settled, why)
        return Rollback(commit, supersedes=other)
    attempt = record.attempts.get(commit)
    if attempt is not None and (hindrance := _hindrance(commit, attempt, record, rules, now, other)):
        return hindrance
    return _unless_examination_forbids(commit, record, rules, examined, attempt, other)


def _hindrance(
    commit: str, attempt: Attempt, record: Record, rules: Rules, now: float, other: str | None
) -> Wait | Refuse | None:
    """Why the last attempt at this commit keeps it from being tried (again) now."""
    if record.asked_again.get(commit) == attempt.number or attempt.outcome == "superseded":
        return None
    told = f"Attempt {attempt.number} to release {_short(commit)} "
    remedy = "Push a newer commit that mends it, or ask for another attempt."
    match attempt.outcome:
        case "gate":
            return Refuse(f"{told}was stopped by a gate: {attempt.why}", remedy, other)
        case "refused":
            return Refuse(f"{told}showed that it cannot be used: {attempt.why}", remedy, other)
        case "gold":
            mended = "Mend the gold, then ask for another attempt, or push a newer commit."
            return Refuse(f"{told}found gold that cannot be trained on: {attempt.why}", mended, other)
        case "stopped":
            return Refuse(f"{told}was stopped by a person: {attempt.why}", remedy, other)
    if attempt.number >= rules.retries.most_attempts:
        return Refuse(
            f"{told}failed, and it was the last of {rules.retries.most_attempts}: {attempt.why}",
            "Mend the cause, then ask for another attempt.",
            other,
        )
    delay = rules.retries.delay_seconds(commit, attempt.number)
    due = attempt.ended_at + delay
    # An end in the future is a clock that was set back: no reason to wait longer than the delay.
    if now < due <= now + delay:
        why = f"{told}failed for a reason that may pass: {attempt.why} Attempt {attempt.number + 1} follows by itself."
        return Wait(due, why, other)
    return None


def _unless_examination_forbids(
    commit: str,
    record: Record,
    rules: Rules,
    examined: Examined | None,
    attempt: Attempt | None,
    other: str | None,
) -> Release | Refuse | Examine:
    if examined is None or examined.commit != commit or examined.relation.before != record.tip:
        return Examine(commit)
    # What is refused here has no effect at all: a release under way goes on, whoever pushed this.
    if rules.rewritten == "refuse" and commit not in record.accepted:
        problem = _break_in_history(examined.relation)
        if problem is not None:
            return Refuse(problem.what, problem.remedy)
    if examined.problems:
        what = " ".join(problem.what for problem in examined.problems)
        return Refuse(what, " ".join(dict.fromkeys(problem.remedy for problem in examined.problems)))
    return Release(commit, attempt.number + 1 if attempt else 1, supersedes=other)


def _break_in_history(relation: Relation) -> Problem | None:
    if relation.course in ("first", "same", "forward"):
        return None
    here, before = _short(relation.head), _short(relation.before or "")
    match relation.course:
        case "rewound":
            told = f"The branch was set back from {before} to {here}, an older commit that was never released."
        case "unrelated":
            told = f"The branch is at {here}, which has no commit in common with {before}, where it was before."
        case _:
            at = f"; they part at {_short(relation.parted_at)}" if relation.parted_at else ""
            told = f"History was rewritten: the branch is at {here}, which does not follow from {before}{at}."
    return Problem(
        "rewritten",
        told,
        f"If that was meant, accept commit {relation.head}; else push {before} again, and changes on top of it. "
        "Protect the branch against forced pushes.",
    )


def _short(commit: str) -> str:
    return commit[:12]
