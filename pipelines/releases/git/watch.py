"""One look at a branch: where it is, and what is to be done about it.

When there is nothing new, a look is one `git ls-remote` and nothing else.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from pipelines.releases.git.contents import Limits, inspect
from pipelines.releases.git.cursor import Cursor, Settled, refusal
from pipelines.releases.git.decision import Decision, Examine, Examined, Nothing, Refuse, Rules, Step, Wait, decide
from pipelines.releases.git.head import Head, read_head
from pipelines.releases.git.history import Relation, relate
from pipelines.releases.git.mirror import Mirror
from pipelines.releases.git.problem import GitProblemError, Problem
from pipelines.releases.git.provenance import CommitRecord, read_commit
from pipelines.releases.git.record import Record
from pipelines.releases.git.retry import REMOTE_RETRIES
from pipelines.releases.git.signatures import SignaturePolicy, Verdict, signature_problems
from pipelines.releases.git.tree import read_tree

RECORD_SECONDS = 30.0
"""How long a branch that has not moved may be taken to have nothing to do without asking what else has changed."""
LOOK_SECONDS = 10.0
"""Limit for `git ls-remote`."""
TICK_SECONDS = 40.0
"""Limit for all that talks to the remote; Dagster gives a sensor 60 s, and reading what was fetched takes some, too."""


@dataclass(frozen=True)
class Policy:
    """What the watcher of a branch asks of its commits."""

    rules: Rules = field(default_factory=Rules)
    limits: Limits = field(default_factory=Limits)
    signatures: SignaturePolicy = field(default_factory=SignaturePolicy)

    def basis(self, record: Record, commit: str) -> str:
        """Digest of all that a refusal of the commit rests on, beside the commit."""
        rests_on = (self.rules, self.limits, self.signatures.digest, record.tip, record.current)
        return hashlib.sha256(repr((rests_on, commit in record.accepted)).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Candidate:
    """A commit that was fetched and examined."""

    record: CommitRecord
    relation: Relation
    """How it follows from where the branch was, with the commits that were passed over."""
    models: tuple[str, ...]
    """Names of its model folders."""
    verdicts: tuple[Verdict, ...]
    """On the signatures that the policy asks for."""
    problems: tuple[Problem, ...]

    @property
    def signer(self) -> str | None:
        """Who signed the commit, with the key's fingerprint, if the policy asks for that and it is good."""
        for verdict in self.verdicts:
            if verdict.commit == self.record.commit and verdict.state == "good":
                return f"{verdict.signer} ({verdict.fingerprint})"
        return None


@dataclass(frozen=True)
class Look:
    """What came of a look."""

    decision: Decision
    cursor: Cursor
    """To be kept for the next look."""
    head: str | None
    """Where the branch is; None if that could not be told."""
    candidate: Candidate | None
    """The head, if it had to be examined."""
    unchanged: bool = False
    """Whether neither the branch nor anything else has changed since a look that found nothing to do."""


def look(
    mirror: Mirror,
    policy: Policy,
    known: Record | Callable[[], Record],
    cursor: Cursor,
    now: float,
    newest_change: Callable[[], str] | None = None,
) -> Look:
    """Look at the mirror's remote branch once. Ends within `TICK_SECONDS` or so, whatever the remote does.

    Args:
        mirror: Of the remote; written to only when there is a commit to examine.
        policy: What is asked of commits.
        known: What is known of releases, read just before; a function is called while the remote is asked.
        cursor: What the last look returned, or an empty one.
        now: Seconds since the epoch.
        newest_change: Names the newest change of anything that the record is made of. While it stays the same and so
            does a branch about which there was nothing to do, the record is not read. Without it, it always is. It is
            asked every `RECORD_SECONDS`, or as soon as the branch has moved.
    """
    if now < cursor.not_before <= now + 2 * REMOTE_RETRIES.longest_delay_seconds:
        return Look(Wait(cursor.not_before, cursor.trouble), cursor, None, None)
    ends = time.monotonic() + TICK_SECONDS
    settled = cursor.settled
    if settled and newest_change and 0 <= now - settled.asked < RECORD_SECONDS:
        head = read_head(mirror.remote, LOOK_SECONDS)
        if isinstance(head, Head) and head.commit == settled.commit:
            return _unmoved(cursor, settled, now)
        change, settled, record = newest_change(), None, None
    else:
        with ThreadPoolExecutor(1, "look") as asking:
            asked = asking.submit(read_head, mirror.remote, LOOK_SECONDS)
            # Named before the record is read, so that what changes meanwhile is found by the next look.
            change = newest_change() if newest_change else ""
            settled = settled if settled and change and settled.change == change else None
            record = None if settled else _told(known)
            head = asked.result()
    if settled and isinstance(head, Head) and head.commit == settled.commit:
        return _unmoved(cursor, replace(settled, asked=now), now)
    record = record or _told(known)
    if isinstance(head, Problem):
        return _unanswered(head, policy, record, cursor, now)
    cursor = cursor.seen(head.commit, now)
    step = decide(head, cursor.since, record, policy.rules, now)
    if not isinstance(step, Examine):
        return Look(step, replace(cursor, refusal=None, settled=_settled(step, record, change, now)), head.commit, None)
    before, basis = cursor.refusal, policy.basis(record, head.commit)
    if before is not None and (before.commit, before.basis) == (head.commit, basis):
        return Look(Refuse(before.why, before.remedy), cursor, head.commit, None)
    return _examined(mirror, policy, record, cursor, now, ends)


def _unmoved(cursor: Cursor, settled: Settled, now: float) -> Look:
    seen = replace(cursor.seen(settled.commit, now), settled=settled)
    return Look(Nothing(settled.why), seen, settled.commit, None, unchanged=True)


def _told(known: Record | Callable[[], Record]) -> Record:
    return known if isinstance(known, Record) else known()


def _settled(step: Step, record: Record, change: str, now: float) -> Settled | None:
    """What to remember of a head that is what runs while nothing else goes on: only a change can end that."""
    if not isinstance(step, Nothing) or record.in_flight is not None or record.current is None or not change:
        return None
    return Settled(record.current, change, step.why, now)


def _examined(mirror: Mirror, policy: Policy, record: Record, cursor: Cursor, now: float, ends: float) -> Look:
    head = mirror.fetch(max(0.0, ends - time.monotonic()), also=record.tip)
    if isinstance(head, Problem):
        return _unanswered(head, policy, record, cursor, now)
    # The branch may have moved since it was looked at: what was fetched is what counts.
    cursor = cursor.seen(head.commit, now)
    try:
        candidate = examine(mirror, policy, record, head.commit)
    except GitProblemError as error:
        return _unanswered(error.problem, policy, record, cursor, now)
    step = decide(head, cursor.since, record, policy.rules, now, Examined(candidate.relation, candidate.problems))
    assert not isinstance(step, Examine), "the head was just examined against the record's tip"
    kept = None
    if isinstance(step, Refuse):
        kept = refusal(head.commit, policy.basis(record, head.commit), step.why, step.remedy)
    return Look(step, replace(cursor, refusal=kept), head.commit, candidate)


def examine(mirror: Mirror, policy: Policy, record: Record, commit: str) -> Candidate:
    """Everything that speaks for or against a commit which the mirror has.

    Raises:
        GitProblemError: the mirror cannot be read.
    """
    repository = mirror.repository
    relation = relate(repository, commit, record.tip)
    tree = read_tree(repository, commit)
    found = inspect(repository, tree, policy.limits)
    verdicts, unsigned = signature_problems(repository, commit, record.current, policy.signatures)
    account = read_commit(repository, commit)
    return Candidate(account, relation, tree.models, tuple(verdicts), (*found, *unsigned))


def _unanswered(problem: Problem, policy: Policy, record: Record, cursor: Cursor, now: float) -> Look:
    step = decide(problem, now, record, policy.rules, now)
    assert not isinstance(step, Examine), "there is no commit to examine"
    if isinstance(step, Wait):
        failures = cursor.failures + 1
        until = now + REMOTE_RETRIES.delay_seconds(problem.kind, failures)
        again = replace(cursor, failures=failures, not_before=until, trouble=str(problem))
        return Look(replace(step, until=until), again, None, None)
    return Look(step, replace(cursor, failures=0, not_before=0.0, trouble=""), None, None)
