"""How a run that was to release a commit ended, told from what really failed runs leave behind."""

from __future__ import annotations

from collections.abc import Callable

import dagster as dg
import pytest

from pipelines.databricks.failures import RemoteStepError
from pipelines.releases.run_tags import OUTCOME, OUTCOME_TAG, OWN, SUPERSEDED_BY, WHY_TAG
from pipelines.sensors.attempt_outcome import ending_of

Fail = Callable[[], None]


def failed_run(instance: dg.DagsterInstance, *steps: Fail) -> dg.DagsterRun:
    """A run of which each step does that."""

    def op(number: int, fail: Fail) -> dg.OpDefinition:
        @dg.op(name=f"step_{number}")
        def step():
            fail()

        return step

    made = [op(number, fail) for number, fail in enumerate(steps, start=1)]

    @dg.job(name="release", executor_def=dg.in_process_executor)
    def job():
        for one in made:
            one()

    done = job.execute_in_process(instance=instance, raise_on_error=False)
    return newest(instance, done.run_id)


def newest(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRun:
    found = instance.get_run_by_id(run_id)
    assert found is not None
    return found


def raising(error: Exception) -> Fail:
    def fail() -> None:
        raise error

    return fail


def chained() -> None:
    try:
        raise ConnectionError("connection reset by peer")
    except ConnectionError as error:
        raise RuntimeError("the table cannot be read") from error


def broken_off(trace: str) -> Exception:
    """What the launcher says of a step that ended before its code ran."""
    return RemoteStepError(f"Step tiny failed on Databricks: it broke off: No module named 'numpie'\n{trace}\n")


IMPORT_TRACE = 'File "/tmp/code/pipelines/models/tiny/model.py", line 3, in <module>\n    import numpie'


@pytest.mark.parametrize(
    ("fail", "outcome", "why"),
    [
        (raising(dg.Failure("the gate says no.", metadata={OUTCOME: "gate"})), "gate", "the gate says no."),
        (raising(dg.Failure("line 3 is wrong.", metadata={OUTCOME: "refused"})), "refused", "line 3 is wrong."),
        (raising(dg.Failure("gold is gone.", metadata={OUTCOME: "gold"})), "gold", "gold is gone."),
        (raising(dg.Failure("a newer one came.", metadata={OUTCOME: "superseded"})), "superseded", "a newer one came."),
        (raising(dg.Failure("who knows.", metadata={OUTCOME: "odd"})), "infrastructure", "step_1: who knows."),
        (raising(ConnectionError("no answer")), "infrastructure", "step_1: no answer"),
        (chained, "infrastructure", "step_1: connection reset by peer"),
        (raising(broken_off(IMPORT_TRACE)), "refused", "No module named 'numpie'"),
        (raising(broken_off("File /databricks/driver.py")), "infrastructure", "No module named 'numpie'"),
        (raising(ImportError("no numpie")), "refused", "step_1: its code cannot be imported: no numpie"),
        (raising(SyntaxError("never closed")), "refused", "its code cannot be imported: never closed"),
        (
            raising(RemoteStepError("Step tiny failed on Databricks: TERMINATED/TIMEDOUT; it took longer.")),
            "refused",
            "step_1 took longer than its time limit, which `compute.time_limit_minutes` of model.yaml sets",
        ),
    ],
    ids=[
        "gate",
        "refused",
        "gold",
        "superseded",
        "unknown",
        "error",
        "cause",
        "import",
        "no code of ours",
        "package",
        "syntax",
        "time limit",
    ],
)
def test_the_reason_of_a_failed_step_is_the_outcome(instance: dg.DagsterInstance, fail: Fail, outcome: str, why: str):
    run = failed_run(instance, fail)
    found = ending_of(instance, run)
    assert found.outcome == outcome
    assert why in found.why
    kept = newest(instance, run.run_id).tags
    assert (kept[OUTCOME_TAG], kept[WHY_TAG], kept[OWN]) == (found.outcome, found.why, run.run_id)
    assert ending_of(instance, newest(instance, run.run_id)) == found


@pytest.mark.parametrize(
    ("steps", "outcome"),
    [
        ((ConnectionError("away"), dg.Failure("wrong", metadata={OUTCOME: "refused"})), "refused"),
        ((dg.Failure("no", metadata={OUTCOME: "gate"}), dg.Failure("wrong", metadata={OUTCOME: "refused"})), "refused"),
        ((ConnectionError("away"), dg.Failure("no", metadata={OUTCOME: "gate"})), "gate"),
        ((ConnectionError("away"), dg.Failure("no", metadata={OUTCOME: "gold"})), "gold"),
        ((dg.Failure("no", metadata={OUTCOME: "gold"}), dg.Failure("no", metadata={OUTCOME: "refused"})), "refused"),
    ],
    ids=[
        "refused, not infrastructure",
        "refused, not gate",
        "gate, not infrastructure",
        "gold, not infrastructure",
        "refused, not gold",
    ],
)
def test_of_several_failures_what_is_wrong_with_the_commit_counts(
    instance: dg.DagsterInstance, steps: tuple[Exception, ...], outcome: str
):
    run = failed_run(instance, *map(raising, steps))
    assert ending_of(instance, run).outcome == outcome


def test_a_run_without_a_word_is_the_infrastructures(instance: dg.DagsterInstance):
    run = failed_run(instance)
    instance.report_run_failed(run, "Run execution process unexpectedly exited with code -9.")
    found = ending_of(instance, newest(instance, run.run_id))
    assert found.outcome == "infrastructure"
    assert run.run_id[:8] in found.why


def test_a_cancelled_run_was_stopped_by_a_person_unless_it_was_superseded(instance: dg.DagsterInstance):
    by_hand, superseded = failed_run(instance), failed_run(instance)
    for run in (by_hand, superseded):
        instance.report_run_canceled(run)
    instance.add_run_tags(superseded.run_id, {SUPERSEDED_BY: "b" * 40, OWN: superseded.run_id})
    assert ending_of(instance, newest(instance, by_hand.run_id)).outcome == "stopped"
    found = ending_of(instance, newest(instance, superseded.run_id))
    assert (found.outcome, found.why) == ("superseded", f"superseded by {'b' * 12}.")


def test_a_superseded_run_that_failed_on_being_stopped_counts_as_superseded(instance: dg.DagsterInstance):
    run = failed_run(instance, raising(ConnectionError("interrupted")))
    instance.add_run_tags(run.run_id, {SUPERSEDED_BY: "b" * 40, OWN: run.run_id})
    assert ending_of(instance, newest(instance, run.run_id)).outcome == "superseded"


def test_tags_that_a_run_inherited_say_nothing_of_its_own_end(instance: dg.DagsterInstance):
    run = failed_run(instance, raising(dg.Failure("the gate says no.", metadata={OUTCOME: "gate"})))
    inherited = {OUTCOME_TAG: "infrastructure", WHY_TAG: "away", SUPERSEDED_BY: "b" * 40, OWN: "the-first-run"}
    instance.add_run_tags(run.run_id, inherited)
    assert ending_of(instance, newest(instance, run.run_id)).outcome == "gate"


def test_a_very_long_reason_still_fits_into_a_tag(instance: dg.DagsterInstance):
    run = failed_run(instance, raising(ConnectionError("x" * 100_000)))
    assert len(ending_of(instance, run).why) <= 1000
