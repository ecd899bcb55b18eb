"""Which attempt at a step is the current one, and the remote run that carries it; kept in the Dagster instance.

An attempt ends when it is known how the remote run ended. Until then whoever comes to run the step (the same run, its
automatic retry, a re-execution) continues that attempt: the same token, the same remote run.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dagster import DagsterInstance, DagsterRun

_LONGEST_TOKEN = 64


@dataclass(frozen=True)
class Attempt:
    """One attempt at a step on a target."""

    number: int
    token: str
    run_id: int | None = None
    """The remote run, once it is known to have been accepted."""
    ended: str | None = None
    """How it ended, once that is known."""
    dagster_run: str | None = None
    """The Dagster run that submitted it."""


class Attempts:
    """The attempts at one step by one group of Dagster runs: a run, its retries and its re-executions."""

    def __init__(self, instance: DagsterInstance, target: str, run: DagsterRun, step_key: str) -> None:
        self._storage = instance.daemon_cursor_storage
        self._group = run.root_run_id or run.run_id
        self._step = f"{target}/{step_key}"
        self._key = f"databricks/attempt/{self._group}/{self._step}"

    def current(self) -> Attempt:
        """The attempt to carry out or to continue."""
        kept = self._storage.get_cursor_values({self._key}).get(self._key)
        if kept is None:
            return self._new(0)
        attempt = Attempt(**json.loads(kept))
        return attempt if attempt.ended is None else self._new(attempt.number + 1)

    def submitted(self, attempt: Attempt, run_id: int, dagster_run: str) -> Attempt:
        """Note the remote run that carries the attempt, at once."""
        return self._keep(replace(attempt, run_id=run_id, dagster_run=dagster_run))

    def ended(self, attempt: Attempt, how: str) -> Attempt:
        """Note that the attempt is over; the next one will be a submission of its own."""
        return self._keep(replace(attempt, ended=how))

    def _keep(self, attempt: Attempt) -> Attempt:
        self._storage.set_cursor_values({self._key: json.dumps(asdict(attempt))})
        return attempt

    def _new(self, number: int) -> Attempt:
        digest = hashlib.sha256(f"{self._group}/{self._step}/{number}".encode()).hexdigest()
        token = f"{self._group[:8]}-{number}-{digest}"[:_LONGEST_TOKEN]
        return Attempt(number, token)
