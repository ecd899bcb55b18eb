"""The Dagster run's log, into which the remote entries go: each one once, also when a step is continued."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import dagster as dg

from pipelines.databricks.amendments import entry_of
from pipelines.databricks.events import Segment

if TYPE_CHECKING:
    from dagster._core.events import DagsterEvent
    from dagster._core.events.log import EventLogEntry

_END_OF_STEP = {"STEP_SUCCESS", "STEP_FAILURE", "STEP_UP_FOR_RETRY"}


class RunLog:
    """Stores the entries of one step's segments; the entry that ends the step is held back until it is believed."""

    def __init__(self, instance: dg.DagsterInstance, run_id: str, step_key: str, url: str, continued: bool) -> None:
        self._instance = instance
        self._run_id = run_id
        self._step_key = step_key
        self._url = url
        self._stored: Counter[tuple[Any, ...]] = Counter()
        if continued:
            self._stored.update(_identity(entry) for entry in instance.all_logs(run_id))
        self.end: EventLogEntry | None = None

    def take(self, segment: Segment) -> Iterator[DagsterEvent]:
        """Store a segment's entries and yield its events.

        Raises:
            ValueError: an entry is of another step.
        """
        about = segment.about
        metadata: dict[str, Any] = {"code_digest": about["code_digest"], "commit": about["commit"]}
        if about["dirty"]:
            metadata["uncommitted_changes"] = True
        metadata["databricks_run"] = dg.MetadataValue.url(self._url)
        for document in segment.entries:
            entry = entry_of(document, self._run_id, self._step_key, metadata)
            if entry.dagster_event is not None and entry.dagster_event.event_type_value in _END_OF_STEP:
                self.end = entry
            else:
                yield from self.store(entry)

    def store(self, entry: EventLogEntry) -> Iterator[DagsterEvent]:
        """Store an entry, unless this run's log has it from an earlier continuation; yields its event."""
        identity = _identity(entry)
        if self._stored[identity] > 0:
            self._stored[identity] -= 1
        else:
            self._instance.handle_new_event(entry)
        if entry.dagster_event is not None:
            yield entry.dagster_event


def _identity(entry: EventLogEntry) -> tuple[Any, ...]:
    event = entry.dagster_event
    return entry.timestamp, entry.user_message, None if event is None else event.event_type_value
