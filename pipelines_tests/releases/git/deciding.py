"""A decision about one commit, in few words: what the tests of decisions share."""

from __future__ import annotations

from pipelines.releases.git.decision import Examined, Rules, Step, decide
from pipelines.releases.git.head import Head
from pipelines.releases.git.history import Course, Relation
from pipelines.releases.git.problem import Problem
from pipelines.releases.git.record import Record
from pipelines.releases.git.retry import RetryPolicy

A, B, C = "a" * 40, "b" * 40, "c" * 40
NOW = 1_000_000.0
RULES = Rules(retries=RetryPolicy(most_attempts=3, first_delay_seconds=60, jitter=0))


def examined(commit: str, before: str | None, course: Course = "forward", *problems: Problem) -> Examined:
    """The commit, examined: how it came after `before`, and what is wrong with it."""
    return Examined(Relation(course, commit, before), problems)


def decided(
    record: Record, found: Examined | None = None, head: str = B, since: float = 0.0, rules: Rules = RULES
) -> Step:
    """What is decided at `NOW` if the branch has been at `head` since then."""
    return decide(Head(head), since, record, rules, NOW, found)
