"""Random sequences of steps, faults and restarts: one remote run per attempt, events once and in order, no orphans."""

from __future__ import annotations

import importlib
import os
import secrets
from collections.abc import Callable
from typing import Any

import dagster as dg
import pytest
from databricks.sdk import WorkspaceClient
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from pipelines.databricks.launcher import DatabricksStepLauncher
from pipelines_tests.databricks import wiring
from pipelines_tests.databricks.fixtures import Started, remote_runs, state_of, step_events
from pipelines_tests.databricks.wiring import Wiring
from pipelines_tests.faults.test_busy_workspace import GET
from pipelines_tests.faults.test_submission import SUBMIT
from pipelines_tests.local.conftest import call_local

_SEGMENT, _PAYLOAD = r".*/events/\d+\.json", r".*/payload-.*"
FAULTS: dict[str, dict[str, Any]] = {
    "none": {},
    "submit lost before": {"path": SUBMIT, "action": "drop"},
    "submit lost after": {"path": SUBMIT, "action": "drop", "when": "after"},
    "submit throttled": {"path": SUBMIT, "action": "respond", "status": 429, "headers": {"Retry-After": "1"}},
    "state 503": {"path": GET, "action": "respond", "status": 503, "times": 2},
    "state lost": {"path": GET, "action": "drop", "when": "after", "skip": 1},
    "payload lost": {"path": _PAYLOAD, "method": "PUT", "action": "respond", "status": 204},
    "payload cut": {"path": _PAYLOAD, "method": "PUT", "action": "cut", "keep_bytes": 9},
    "events cut": {"path": _SEGMENT, "method": "GET", "action": "cut", "when": "after", "keep_bytes": 80, "times": 5},
    "events 500": {"path": _SEGMENT, "method": "GET", "action": "respond", "status": 500, "body": "{}"},
    "cleaning fails": {"path": ".*/steps/.*", "method": "DELETE", "action": "respond", "status": 404, "body": "{}"},
}
_MESSAGES = 3
SEED = "RANDOM_SEQUENCES_SEED"
"""Environment variable that has the sequences of an earlier run drawn again; others are drawn each time without it."""
COUNT = "RANDOM_SEQUENCES"
"""Environment variable that has more sequences tried than the few that a minute has time for."""


class _KilledError(BaseException):
    """Ends a launch as SIGKILL does: nobody cancels, records or cleans anything any more."""


def _dies_after(launcher: DatabricksStepLauncher, calls: int) -> None:
    api, left = launcher.session().api, [calls]
    call: Callable[..., Any] = api.call

    def counted(*arguments: Any, **named: Any) -> Any:
        if left[0] <= 0:
            raise _KilledError
        result = call(*arguments, **named)
        left[0] -= 1
        if left[0] == 0:
            raise _KilledError
        return result

    api.call = counted  # type: ignore[method-assign]


class Machine(RuleBasedStateMachine):
    """A step that is tried, killed and tried again, by runs of one group, until it succeeds; then the next group."""

    wires: Wiring
    instance: dg.DagsterInstance
    workspace: WorkspaceClient

    def __init__(self) -> None:
        super().__init__()
        self.group: list[str] = []

    def local(self, method: str, path: str, body: Any = None) -> None:
        """An operation that only the local workspace has."""
        raise NotImplementedError

    @rule(
        outcome=st.sampled_from(["succeed", "succeed", "fail"]),
        fault=st.sampled_from(sorted(FAULTS)),
        killed_after=st.one_of(st.none(), st.integers(1, 14)),
    )
    def launch(self, outcome: str, fault: str, killed_after: int | None) -> None:
        known = self._remote()
        going_on = [run for run in known if state_of(run)[0] != "TERMINATED"]
        if FAULTS[fault]:
            self.local("POST", "/local/faults", FAULTS[fault])
        result = self._execute(outcome, killed_after)
        self.local("DELETE", "/local/faults")
        self.group.append(result.run_id)
        died = any("_KilledError" in (event.message or "") or _was_killed(event) for event in result.all_events)
        if not died:
            self._check(result, len(known), bool(going_on))
            if result.success:
                self.group = []

    def _execute(self, outcome: str, killed_after: int | None) -> dg.JobExecutionResult:
        launcher = self.wires.with_changes(
            environment={"MESSAGES": str(_MESSAGES), "OUTCOME": outcome, "PAUSE_S": "0.05"}
        ).launcher()
        if killed_after is not None:
            _dies_after(launcher, killed_after)
        wiring.use(launcher)
        job = importlib.import_module("shipped.jobs").telling_job
        options = dg.ReexecutionOptions(parent_run_id=self.group[-1]) if self.group else None
        return dg.execute_job(
            dg.reconstructable(job), instance=self.instance, raise_on_error=False, reexecution_options=options
        )

    def _check(self, result: dg.JobExecutionResult, before: int, one_was_going_on: bool) -> None:
        told = step_events(self.instance, result.run_id, "telling")
        assert [event for event in told if event.startswith("LOG")] == [
            f"LOG: message {number}" for number in range(_MESSAGES)
        ]
        assert told.count("STEP_START") == 1
        assert told.count("STEP_SUCCESS") + told.count("STEP_FAILURE") == 1
        assert told.index("STEP_START") < told.index("LOG: message 0")
        remote = self._remote()
        assert len(remote) <= before + 1
        if one_was_going_on:
            assert len(remote) == before
        assert {state_of(run)[0] for run in remote} == {"TERMINATED"}
        assert (state_of(remote[-1])[1] == "SUCCESS") == result.success
        # None was cancelled; one that succeeded may have lost its worker before Dagster heard of it.
        assert {state_of(run)[1] for run in remote} <= {"FAILED", "SUCCESS"}

    def _remote(self) -> list[Any]:
        found = {run.run_id: run for name in self.group for run in remote_runs(self.workspace, name)}
        return [found[number] for number in sorted(found)]

    def teardown(self) -> None:
        """Whatever was killed last is continued to its end, and leaves nothing running."""
        self.local("DELETE", "/local/faults")
        for _ in range(3):
            if not self.group:
                break
            result = self._execute("succeed", None)
            self.group.append(result.run_id)
            if result.success:
                break
        assert all(state_of(run)[0] == "TERMINATED" for run in self._remote())
        wiring.use(None)


def _was_killed(event: dg.DagsterEvent) -> bool:
    data = event.event_specific_data
    error = getattr(data, "error", None)
    return error is not None and "_KilledError" in error.to_string()


@pytest.mark.slow
def test_random_sequences_of_steps_faults_and_restarts(
    wired: Wiring, instance: dg.DagsterInstance, started: Started
) -> None:
    class Here(Machine):
        wires = wired
        workspace = started.workspace

        def local(self, method: str, path: str, body: Any = None) -> None:
            call_local(started.settings, "development", method, path, body)

    Here.instance = instance
    chosen = int(os.environ.get(SEED) or secrets.randbelow(2**32))
    # Shown by pytest if the test fails.
    print(f"{SEED}={chosen} in the environment repeats these sequences.")
    run_state_machine_as_test(
        seed(chosen)(Here),
        settings=settings(
            max_examples=int(os.environ.get(COUNT) or 5),
            stateful_step_count=6,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
            database=None,
            print_blob=True,
            # The sequence that failed is told as it was: to make it shorter takes more minutes than a test has.
            phases=[Phase.generate],
        ),
    )
