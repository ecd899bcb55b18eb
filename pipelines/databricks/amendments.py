"""Makes the entries of a remote event log entries of this run: its id, and what really ran where."""

from __future__ import annotations

import json
from typing import Any

import dagster as dg
from dagster._core.events import DagsterEvent, StepMaterializationData
from dagster._core.events.log import EventLogEntry
from dagster._serdes import deserialize_value
from dagster_shared.record import replace


def entry_of(document: dict[str, Any], run_id: str, step_key: str, metadata: dict[str, Any]) -> EventLogEntry:
    """An authenticated entry, for the run that continues or executes the step.

    Raises:
        ValueError: it is an entry of another step.
    """
    entry = deserialize_value(json.dumps(document), EventLogEntry)
    if entry.step_key not in (None, step_key):
        raise ValueError(f"The events of step {step_key} hold one of step {entry.step_key}.")
    event = entry.dagster_event
    if event is not None:
        event = _with_metadata(event, metadata)
    return entry._replace(run_id=run_id, dagster_event=event)


def _with_metadata(event: DagsterEvent, metadata: dict[str, Any]) -> DagsterEvent:
    data = event.event_specific_data
    if isinstance(data, StepMaterializationData):
        materialization = data.materialization
        added = materialization.with_metadata({**materialization.metadata, **metadata})
        return event._replace(event_specific_data=data._replace(materialization=added))
    if isinstance(data, dg.AssetCheckEvaluation):
        normal = dg.AssetMaterialization("any", metadata=metadata).metadata
        return event._replace(event_specific_data=replace(data, metadata={**data.metadata, **normal}))
    return event


def with_remark(entry: EventLogEntry, remark: str) -> EventLogEntry:
    """The entry of a failed step, with where to look added to its error."""
    event = entry.dagster_event
    data: Any = None if event is None else event.event_specific_data
    error = getattr(data, "error", None)
    if event is None or error is None:
        return entry
    amended = error._replace(message=f"{error.message.rstrip()}\n{remark}\n")
    return entry._replace(dagster_event=event._replace(event_specific_data=data._replace(error=amended)))
