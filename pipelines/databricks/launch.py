"""One launch of one step: stage, submit or continue, follow, judge, clean up."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import dagster as dg
from dagster._core.errors import DagsterExecutionInterruptedError, raise_execution_interrupts
from dagster._core.events import DagsterEvent, DagsterEventType, EngineEventData
from dagster._core.events.log import EventLogEntry

from pipelines.databricks import submission
from pipelines.databricks.amendments import entry_of, with_remark
from pipelines.databricks.attempts import Attempt, Attempts
from pipelines.databricks.events import EventReader, Segment
from pipelines.databricks.failures import (
    DatabricksLaunchError,
    RemoteStepError,
    UnreachableError,
    UntrustedEventsError,
)
from pipelines.databricks.payload import payload
from pipelines.databricks.pins import pinned_snapshot
from pipelines.databricks.polling import follow
from pipelines.databricks.remote_program import remote_program
from pipelines.databricks.session import Session
from pipelines.databricks.staging import Staged
from pipelines.databricks.states import RunState
from pipelines.databricks.tags import SIZE_TAG, STANDARD_SIZE, description, remote_tags, run_name

if TYPE_CHECKING:
    from dagster._core.execution.context.system import StepExecutionContext

    from pipelines.databricks.launcher import DatabricksStepLauncher

_Result = TypeVar("_Result")
_END_OF_STEP = {"STEP_SUCCESS", "STEP_FAILURE", "STEP_UP_FOR_RETRY"}


class Launch:
    """A step that is being run on a target."""

    def __init__(self, launcher: DatabricksStepLauncher, context: StepExecutionContext) -> None:
        self._launcher = launcher
        self._context = context
        self._run = context.dagster_run
        self._step_key = context.step.key
        self._instance = context.instance
        self._attempts = Attempts(self._instance, launcher.target.name, self._run, self._step_key)
        self._stored: Counter[tuple[Any, ...]] = Counter()
        self._end: EventLogEntry | None = None
        self._last: dict[str, Any] | None = None
        self._url = ""

    def events(self) -> Iterator[DagsterEvent]:
        """The step's events; each is in the run's log, once, before it is yielded."""
        patience = self._launcher.patience
        try:
            session = _interruptible(self._launcher.session)
            yield from self._carry_out(session)
        except UnreachableError as error:
            # Nothing is known to have failed: the run goes on there, and its continuation finds it.
            raise dg.RetryRequested(patience.reattachments, patience.pause_s) from error

    def _carry_out(self, session: Session) -> Iterator[DagsterEvent]:
        attempt = self._attempts.current()
        continued = attempt.run_id is not None
        if attempt.run_id is None:
            request = _interruptible(lambda: self._prepared(session, attempt))
            attempt = self._submitted(session, attempt, request)
        assert attempt.run_id is not None
        try:
            yield from self._followed(session, attempt, continued)
        except (KeyboardInterrupt, DagsterExecutionInterruptedError, GeneratorExit):
            self._cancel(session, attempt.run_id)
            self._attempts.ended(attempt, "cancelled")
            raise

    def _prepared(self, session: Session, attempt: Attempt) -> dict[str, Any]:
        """Stage code, program and payload; the request to submit."""
        context, target, source = self._context, self._launcher.target, self._launcher.code
        snapshot = pinned_snapshot(self._instance, self._run, source)
        code = session.staging.code(snapshot.archive, snapshot.digest)
        program = session.staging.program(remote_program())
        document = session.staging.payload(attempt.token, payload(context, target, source.repository))
        parameters = {
            "code": code.path,
            "code_digest": code.digest,
            "commit": snapshot.commit,
            "dirty": str(snapshot.dirty).lower(),
            "payload": document.path,
            "payload_digest": document.digest,
            "events": session.staging.events_folder(attempt.token),
            "event_key": f"{target.event_key.scope}/{target.event_key.key}",
            "token": attempt.token,
            "attempt": str(attempt.number),
        }
        step_tags = {**context.op.tags, **context.run_tags}
        tags = remote_tags(target.tags, step_tags, self._run.run_id, self._run.job_name, self._step_key)
        task = {
            "task_key": "step",
            "description": description(tags),
            "spark_python_task": {
                "python_file": program.path,
                "parameters": [f"{name}={value}" for name, value in parameters.items()],
            },
            "max_retries": 0,
        }
        size = step_tags.get(SIZE_TAG, STANDARD_SIZE)
        return {"run_name": run_name(tags), "queue": {"enabled": True}, **session.compute.request(size, task, tags)}

    def _submitted(self, session: Session, attempt: Attempt, request: dict[str, Any]) -> Attempt:
        """Submit, or find the run that an earlier process submitted and could not note any more."""
        try:
            run_id = submission.submit(session.api, request, attempt.token)
        except (KeyboardInterrupt, DagsterExecutionInterruptedError):
            # Whether it was accepted is not known; the same token gives the run that there is, or one to cancel.
            self._cancel(session, submission.submit(session.api, request, attempt.token))
            self._attempts.ended(attempt, "cancelled")
            raise
        return self._attempts.submitted(attempt, run_id, self._run.run_id)

    def _followed(self, session: Session, attempt: Attempt, continued: bool) -> Iterator[DagsterEvent]:
        run_id = attempt.run_id
        assert run_id is not None
        first = _interruptible(lambda: self._first_look(session, attempt, run_id))
        self._url = first.url
        yield self._note(f"Continues remote run {run_id}." if continued else f"Submitted as remote run {run_id}.")
        if continued:
            self._stored = self._already_stored()
        folder = session.staging.events_folder(attempt.token)
        reader = EventReader(session.staging.read, folder, session.event_key, attempt.token, attempt.number)
        state = first
        steps = follow(lambda: submission.look(session.api, run_id), reader, time.sleep, self._launcher.rhythm)
        try:
            while (found := _interruptible(lambda: next(steps, None))) is not None:
                if isinstance(found, RunState):
                    state = found
                else:
                    yield from self._passed_on(found)
        except (UntrustedEventsError, ValueError) as error:
            self._give_up(session, attempt, str(error))
            raise
        yield from self._judged(session, attempt, state)

    def _passed_on(self, segment: Segment) -> Iterator[DagsterEvent]:
        """Store a segment's entries in this run's log and yield its events; the one that ends the step is held back."""
        if segment.output:
            sys.stdout.write(segment.output)
            sys.stdout.flush()
        metadata = {"code_digest": segment.about["code_digest"], "commit": segment.about["commit"]}
        if segment.about["dirty"]:
            metadata["uncommitted_changes"] = True
        metadata["databricks_run"] = dg.MetadataValue.url(self._url)
        for document in segment.entries:
            entry = entry_of(document, self._run.run_id, self._step_key, metadata)
            if entry.dagster_event is not None and entry.dagster_event.event_type_value in _END_OF_STEP:
                # It is not the truth before the remote run has ended so, too.
                self._end = entry
            else:
                yield from self._store(entry)
        self._last = segment.last or self._last

    def _store(self, entry: EventLogEntry) -> Iterator[DagsterEvent]:
        identity = _identity(entry)
        if self._stored[identity] > 0:
            self._stored[identity] -= 1
        else:
            self._instance.handle_new_event(entry)
        if entry.dagster_event is not None:
            yield entry.dagster_event

    def _judged(self, session: Session, attempt: Attempt, state: RunState) -> Iterator[DagsterEvent]:
        """Success only if Databricks and the step itself both say so."""
        outcome = self._last["outcome"] if self._last else None
        if state.succeeded and outcome == "success" and self._end is not None:
            yield from self._store(self._end)
            self._attempts.ended(attempt, "success")
            session.staging.clean(attempt.token)
            return
        where = f"Remote run {attempt.run_id} on target {self._launcher.target.name!r} ({self._url}): {state.words}."
        remark = "\n".join(part for part in (where, submission.last_words(session.api, state)) if part)
        remark = self._without_key(session, remark)
        if self._end is not None and outcome in ("failure", "retry"):
            yield from self._store(with_remark(self._end, remark))
            self._attempts.ended(attempt, outcome)
            session.staging.clean(attempt.token)
            return
        if outcome == "staging":
            self._restage(session, attempt)
        self._attempts.ended(attempt, state.words)
        session.staging.clean(attempt.token)
        if outcome == "staging":
            assert self._last is not None
            failure = RemoteStepError(
                f"Step {self._step_key} did not begin: {self._last['error']['message']} It is staged anew.\n{remark}"
            )
            raise dg.RetryRequested(2, 0) from failure
        if outcome == "success":
            words = "the step reported success, but its run did not end so"
        elif outcome == "error":
            assert self._last is not None
            words = f"it could not be executed: {self._last['error']['message']}\n{self._last['error']['trace']}"
        elif state.succeeded:
            words = "its run succeeded without an event of the step's success"
        else:
            words = "its run ended before the step did"
        raise RemoteStepError(f"Step {self._step_key} failed on Databricks: {words}\n{remark}")

    def _restage(self, session: Session, attempt: Attempt) -> None:
        snapshot = pinned_snapshot(self._instance, self._run, self._launcher.code)
        path = f"{session.staging.root}/code/{snapshot.digest}.zip"
        session.staging.repair(snapshot.archive, Staged(path, snapshot.digest))

    def _give_up(self, session: Session, attempt: Attempt, why: str) -> None:
        """The step's own events can no longer be told from others: end its run, leave the files as evidence."""
        assert attempt.run_id is not None
        self._cancel(session, attempt.run_id)
        self._attempts.ended(attempt, why)

    def _cancel(self, session: Session, run_id: int) -> None:
        try:
            submission.cancel(session.api, run_id)
        except (DatabricksLaunchError, OSError) as error:
            self._context.log.error(f"Remote run {run_id} could not be cancelled and may go on ({self._url}): {error}")

    def _first_look(self, session: Session, attempt: Attempt, run_id: int) -> RunState:
        from databricks.sdk.errors import InvalidParameterValue, NotFound

        try:
            return submission.look(session.api, run_id)
        except (InvalidParameterValue, NotFound) as error:
            self._attempts.ended(attempt, "gone")
            raise RemoteStepError(
                f"Remote run {run_id}, which was to be continued for step {self._step_key}, is no longer known on "
                f"target {self._launcher.target.name!r}: {error} Run the step again; it will be submitted anew."
            ) from None

    def _already_stored(self) -> Counter[tuple[Any, ...]]:
        """Entries of the step that this run's log has from an earlier continuation."""
        log = self._instance.all_logs(self._run.run_id)
        return Counter(_identity(entry) for entry in log if entry.step_key in (None, self._step_key))

    def _note(self, message: str) -> DagsterEvent:
        return DagsterEvent.from_step(
            DagsterEventType.ENGINE_EVENT,
            self._context,
            event_specific_data=EngineEventData(metadata={"databricks_run": dg.MetadataValue.url(self._url)}),
            message=message,
        )

    @staticmethod
    def _without_key(session: Session, text: str) -> str:
        return text.replace(session.event_key.decode(errors="replace"), "[REDACTED]")


def _identity(entry: EventLogEntry) -> tuple[Any, ...]:
    event = entry.dagster_event
    return entry.timestamp, entry.user_message, None if event is None else event.event_type_value


def _interruptible(function: Callable[[], _Result]) -> _Result:
    """Let the run's termination interrupt this; elsewhere it waits for the next such place."""
    with raise_execution_interrupts():
        return function()
