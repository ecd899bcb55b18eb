"""One launch of one step: stage, submit or continue, follow, judge, clean up."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import dagster as dg
from dagster._core.errors import DagsterExecutionInterruptedError, raise_execution_interrupts
from dagster._core.events import DagsterEvent, DagsterEventType, EngineEventData

from pipelines.databricks import submission
from pipelines.databricks.amendments import with_remark
from pipelines.databricks.attempts import Attempt, Attempts
from pipelines.databricks.events import EventReader
from pipelines.databricks.failures import (
    DatabricksLaunchError,
    LostStepError,
    RemoteStepError,
    UnreachableError,
    UntrustedEventsError,
)
from pipelines.databricks.polling import follow
from pipelines.databricks.request import stage_anew, staged_request
from pipelines.databricks.run_log import RunLog
from pipelines.databricks.session import Session
from pipelines.databricks.states import RunState
from pipelines.databricks.verdict import judge

if TYPE_CHECKING:
    from dagster._core.execution.context.system import StepExecutionContext

    from pipelines.databricks.launcher import DatabricksStepLauncher

_Result = TypeVar("_Result")
_FRESH_STARTS = 2
"""How often a step is submitted anew because its staged files were spoiled."""


class Launch:
    """A step that is being run on a target."""

    def __init__(self, launcher: DatabricksStepLauncher, context: StepExecutionContext) -> None:
        self._launcher = launcher
        self._context = context
        self._run_id = context.dagster_run.run_id
        self._step_key = context.step.key
        self._source = launcher.code_of(context.instance, context.dagster_run)
        self._attempts = Attempts(context.instance, launcher.target.name, context.dagster_run, self._step_key)

    def events(self) -> Iterator[DagsterEvent]:
        """The step's events; each is in the run's log, once, before it is yielded."""
        patience = self._launcher.patience
        try:
            session = _interruptible(self._launcher.session)
            yield from self._carry_out(session)
        except UnreachableError as error:
            # Nothing is known to have failed: the run goes on there, and its continuation finds it. A workspace that
            # was away may have to be looked for, or started, anew.
            self._launcher.disconnect()
            raise dg.RetryRequested(patience.reattachments, patience.pause_s) from error
        except LostStepError as error:
            policy = self._context.op_retry_policy
            if policy is None:
                raise
            # What Dagster does when a step's own code raises: a step whose process was lost is tried no less often.
            pause_s = policy.calculate_delay(self._context.previous_attempt_count + 1)
            raise dg.RetryRequested(policy.max_retries, pause_s) from error

    def _carry_out(self, session: Session) -> Iterator[DagsterEvent]:
        attempt = self._attempts.current()
        continued = attempt.run_id is not None
        if not continued:
            target, source = self._launcher.target, self._source
            request = _interruptible(lambda: staged_request(self._context, target, source, session, attempt))
            attempt = self._submitted(session, attempt, request)
        assert attempt.run_id is not None
        try:
            yield from self._followed(session, attempt, attempt.run_id, continued)
        except (KeyboardInterrupt, DagsterExecutionInterruptedError, GeneratorExit):
            self._give_up(session, attempt, attempt.run_id)
            raise

    def _submitted(self, session: Session, attempt: Attempt, request: dict[str, Any]) -> Attempt:
        """Submit, or find the run that an earlier process submitted and could not note any more."""
        try:
            run_id = submission.submit(session.api, request, attempt.token)
        except (KeyboardInterrupt, DagsterExecutionInterruptedError):
            # Whether it was accepted is not known; the same token gives the run that there is, or one to cancel.
            self._give_up(session, attempt, submission.submit(session.api, request, attempt.token))
            raise
        return self._attempts.submitted(attempt, run_id, self._run_id)

    def _followed(self, session: Session, attempt: Attempt, run_id: int, continued: bool) -> Iterator[DagsterEvent]:
        state = _interruptible(lambda: self._first_look(session, attempt, run_id))
        yield self._note(f"{'Continues' if continued else 'Submitted as'} remote run {run_id}.", state.url)
        log = RunLog(self._context.instance, self._run_id, self._step_key, state.url, continued)
        folder = session.staging.events_folder(attempt.token)
        key, rhythm = session.event_key, self._launcher.rhythm
        reader = EventReader(session.staging.read, folder, key, attempt.token, attempt.number, rhythm.settling_s)
        findings = follow(lambda: submission.look(session.api, run_id), reader, time.sleep, rhythm)
        last: dict[str, Any] | None = None
        try:
            while (found := _interruptible(lambda: next(findings, None))) is not None:
                if isinstance(found, RunState):
                    state = found
                    continue
                if found.output:
                    # Dagster captures this process's output as the step's.
                    sys.stdout.write(found.output)
                    sys.stdout.flush()
                yield from log.take(found)
                last = found.last or last
        except (UntrustedEventsError, ValueError) as error:
            # The step's own events can no longer be told from others; the files stay as evidence.
            self._cancel(session, run_id)
            self._attempts.ended(attempt, str(error))
            raise
        yield from self._judged(session, attempt, state, log, last)

    def _judged(
        self, session: Session, attempt: Attempt, state: RunState, log: RunLog, last: dict[str, Any] | None
    ) -> Iterator[DagsterEvent]:
        verdict = judge(state, last, log.end is not None)
        remark = "" if verdict.succeeded else self._remark(session, attempt, state)
        if verdict.told_by_step and log.end is not None:
            yield from log.store(log.end if verdict.succeeded else with_remark(log.end, remark))
        if verdict.staging_spoiled:
            stage_anew(self._context, self._source, session)
        self._attempts.ended(attempt, verdict.words)
        session.staging.clean(attempt.token)
        if verdict.told_by_step:
            return
        kind = RemoteStepError if state.cancelled else LostStepError
        failure = kind(f"Step {self._step_key} failed on Databricks: {verdict.words}\n{remark}")
        if verdict.staging_spoiled:
            raise dg.RetryRequested(_FRESH_STARTS, 0) from failure
        raise failure

    def _remark(self, session: Session, attempt: Attempt, state: RunState) -> str:
        """Where the run is, how it ended, and the end of its log."""
        where = f"Remote run {attempt.run_id} on target {self._launcher.target.name!r} ({state.url}): {state.words}."
        text = "\n".join(part for part in (where, submission.last_words(session.api, state)) if part)
        return text.replace(session.event_key.decode(errors="replace"), "[REDACTED]")

    def _give_up(self, session: Session, attempt: Attempt, run_id: int) -> None:
        """Cancel the attempt's run; if that fails it may go on, so the attempt has not ended and can be continued."""
        if self._cancel(session, run_id):
            self._attempts.ended(attempt, "cancelled")

    def _cancel(self, session: Session, run_id: int) -> bool:
        """Have the run end; whether the workspace heard it."""
        try:
            submission.cancel(session.api, run_id)
        except (DatabricksLaunchError, OSError) as error:
            self._context.log.error(f"Remote run {run_id} could not be cancelled and may go on: {error}")
            return False
        return True

    def _first_look(self, session: Session, attempt: Attempt, run_id: int) -> RunState:
        from databricks.sdk.errors import InvalidParameterValue, NotFound

        try:
            return submission.look(session.api, run_id)
        except (InvalidParameterValue, NotFound) as error:
            self._attempts.ended(attempt, "gone")
            raise LostStepError(
                f"Remote run {run_id}, which was to be continued for step {self._step_key}, is no longer known on "
                f"target {self._launcher.target.name!r}: {error} Run the step again; it will be submitted anew."
            ) from None

    def _note(self, message: str, url: str) -> DagsterEvent:
        return DagsterEvent.from_step(
            DagsterEventType.ENGINE_EVENT,
            self._context,
            event_specific_data=EngineEventData(metadata={"databricks_run": dg.MetadataValue.url(url)}),
            message=message,
        )


def _interruptible(function: Callable[[], _Result]) -> _Result:
    """Let the run's termination interrupt this; elsewhere it waits for the next such place."""
    with raise_execution_interrupts():
        return function()
