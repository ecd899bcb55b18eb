"""Every state that a run can be in, and those that do not exist yet."""

from __future__ import annotations

import json
from typing import Any

import pytest
from databricks.sdk.service.jobs import RunLifeCycleState, RunResultState

from pipelines.databricks.states import read_state
from pipelines.databricks.verdict import judge
from pipelines_tests.databricks.fixtures import failure_text
from pipelines_tests.databricks.test_launcher import Run, messages
from pipelines_tests.faults.test_busy_workspace import GET

ENDED = {"TERMINATED", "SKIPPED", "INTERNAL_ERROR"}
SAID_SUCCESS: dict[str, Any] = {"outcome": "success", "error": None}
LIFE_CYCLES = [state.value for state in RunLifeCycleState]
RESULTS = [None, *(state.value for state in RunResultState), "A_RESULT_OF_NEXT_YEAR"]


@pytest.mark.parametrize("life_cycle", [*LIFE_CYCLES, "A_STATE_OF_NEXT_YEAR"])
@pytest.mark.parametrize("result", RESULTS)
def test_only_terminated_with_success_and_the_steps_own_word_passes(life_cycle: str, result: str | None) -> None:
    state = read_state({"state": {"life_cycle_state": life_cycle, "result_state": result}})
    assert state.ended == (life_cycle in ENDED)
    assert state.unknown == (life_cycle == "A_STATE_OF_NEXT_YEAR")
    passes = life_cycle == "TERMINATED" and result == "SUCCESS"
    assert judge(state, SAID_SUCCESS, has_end=True).succeeded == passes
    assert not judge(state, SAID_SUCCESS, has_end=False).succeeded
    assert not judge(state, None, has_end=False).succeeded
    assert life_cycle in state.words


def test_the_newer_notation_alone_is_understood() -> None:
    done = {"status": {"state": "TERMINATED", "termination_details": {"code": "SUCCESS"}}}
    assert read_state(done).succeeded
    assert not read_state({"status": {"state": "RUNNING"}}).ended
    broken = {"status": {"state": "TERMINATED", "termination_details": {"code": "INTERNAL_ERROR", "message": "boom"}}}
    assert not read_state(broken).succeeded
    assert "boom" in read_state(broken).words


def _answer(life_cycle: str, result: str | None) -> str:
    state = {"life_cycle_state": life_cycle, "result_state": result, "state_message": "told by the test"}
    return json.dumps({"run_id": 1, "state": state, "run_page_url": "http://127.0.0.1/run"})


@pytest.mark.parametrize(
    ("life_cycle", "result"),
    [
        ("SKIPPED", "MAXIMUM_CONCURRENT_RUNS_REACHED"),
        ("INTERNAL_ERROR", "FAILED"),
        ("TERMINATED", "EXCLUDED"),
        ("TERMINATED", "SUCCESS_WITH_FAILURES"),
        ("TERMINATED", "A_RESULT_OF_NEXT_YEAR"),
        ("TERMINATED", None),
    ],
)
def test_what_is_no_success_fails_the_step(run: Run, fault, life_cycle: str, result: str | None) -> None:
    fault(path=GET, action="respond", status=200, body=_answer(life_cycle, result), times=-1)
    found = run("empty", raise_on_error=False)
    assert not found.success
    text = failure_text(found, "empty")
    assert life_cycle in text
    assert "told by the test" in text


def test_success_without_an_event_of_it_fails_the_step(run: Run, fault) -> None:
    fault(path=GET, action="respond", status=200, body=_answer("TERMINATED", "SUCCESS"), times=-1)
    fault(path=".*/events/.*", method="GET", action="respond", status=404, body="{}", times=-1)
    found = run("empty", raise_on_error=False)
    assert not found.success
    assert "without an event of the step's success" in failure_text(found, "empty")


@pytest.mark.parametrize(
    "life_cycle", ["TERMINATING", "BLOCKED", "QUEUED", "PENDING", "WAITING_FOR_RETRY", "A_STATE_OF_NEXT_YEAR"]
)
def test_what_is_not_the_end_is_asked_again(run: Run, fault, life_cycle: str) -> None:
    fault(path=GET, action="respond", status=200, body=_answer(life_cycle, None), times=3)
    found = run("empty")
    assert found.success, messages(found)


@pytest.mark.slow
def test_an_unknown_state_that_stays_is_not_waited_for_forever(run: Run, wired, fault) -> None:
    fault(path=GET, action="respond", status=200, body=_answer("A_STATE_OF_NEXT_YEAR", None), times=-1)
    found = run("empty", wired.with_changes(unknown_limit_s=1.0, reattachments=1), raise_on_error=False)
    assert not found.success
    assert "A_STATE_OF_NEXT_YEAR" in failure_text(found, "empty")
