"""The sensor that gives instructors' corrections to gold: only those that the step says are shared, without a customer.

What it has to do is in Dagster's event log: a step that has stored corrections says which sessions of them are shared.
The cursor passes an event once its files are in the landing zone, and putting them there again changes nothing, so a
crash anywhere loses nothing and shares nothing twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import BaseModel, TypeAdapter, ValidationError

from pipelines.assets.customers import CUSTOMER_CORRECTIONS, SHARED
from pipelines.landing.uploads import FileChangedError, LandingUnavailableError
from pipelines.partitions import CUSTOMERS
from pipelines.settings import Settings

if TYPE_CHECKING:
    from dagster import EventLogRecord

MOST_EVENTS = 20
"""New ones that are looked at in a tick."""
MOST_WAITING = 500
"""Events that are tried again; while there are so many, no new ones are looked at."""


class _Cursor(BaseModel):
    after: int | None = None
    """Storage id of the last event that was looked at."""
    waiting: list[int] = []
    """Storage ids of earlier ones whose files could not be read, or not be put there, yet."""


@dg.sensor(minimum_interval_seconds=15, default_status=dg.DefaultSensorStatus.RUNNING)
def shared_labels(context: dg.SensorEvaluationContext, settings: dg.ResourceParam[Settings]) -> dg.SensorResult:
    """Puts sessions that instructors corrected into the landing zone with their labels, of customers who share them.

    Neither path nor label names the customer. What cannot be done now is tried again at the next tick.
    """
    cursor = _Cursor.model_validate_json(context.cursor) if context.cursor else _Cursor()
    events = _events(context.instance, cursor)
    if events and not settings.landing_is_reachable:
        said = "Corrections wait to be shared, and the environment names no landing zone: set `landing` in its file."
        context.log.error(said)
        return dg.SensorResult(skip_reason=said, cursor=context.cursor)
    waiting: list[int] = []
    stuck: set[str] = set()
    added: list[str] = []
    for event in events:
        customer = event.partition_key or ""
        if customer not in stuck:
            try:
                added += _share(context, settings, customer, event)
            except (OSError, FileChangedError, LandingUnavailableError) as error:
                stuck.add(customer)  # later corrections come after earlier ones, or these would win
                context.log.error(f"Corrections of {customer} are tried again: {error}")
        if customer in stuck:
            waiting.append(event.storage_id)
    last = max((event.storage_id for event in events), default=0)
    after = max(last, cursor.after or 0) or None
    words = [f"Added {len(added)} files to the landing zone." if added else "No new correction is shared."]
    words += [f"{len(waiting)} events wait." if waiting else ""]
    return dg.SensorResult(
        skip_reason=" ".join(filter(None, words)), cursor=_Cursor(after=after, waiting=waiting).model_dump_json()
    )


def _events(instance: dg.DagsterInstance, cursor: _Cursor) -> list[EventLogRecord]:
    """Those that wait, then new ones, in the order in which they were written."""
    found: list[EventLogRecord] = []
    if cursor.waiting:
        again = dg.AssetRecordsFilter(CUSTOMER_CORRECTIONS, storage_ids=cursor.waiting)
        found += instance.fetch_materializations(again, limit=len(cursor.waiting), ascending=True).records
    if len(cursor.waiting) < MOST_WAITING:
        new = dg.AssetRecordsFilter(CUSTOMER_CORRECTIONS, after_storage_id=cursor.after)
        found += instance.fetch_materializations(new, limit=MOST_EVENTS, ascending=True).records
    return found


def _share(
    context: dg.SensorEvaluationContext, settings: Settings, customer: str, event: EventLogRecord
) -> Sequence[str]:
    from pipelines.customers.files import customer_files
    from pipelines.customers.label_sharing import NotShareableError, SharedSession, share_session
    from pipelines.landing.opening import uploads_at

    made = event.asset_materialization
    told = made.metadata.get(SHARED) if made is not None else None
    try:
        sessions = TypeAdapter(list[SharedSession]).validate_python(told.value if told is not None else [])
    except ValidationError as error:
        context.log.error(f"Corrections of {customer} are not shared: the step of run {event.run_id} told {error}")
        return []
    if not sessions:
        return []
    if not context.instance.has_dynamic_partition(str(CUSTOMERS.name), customer):
        context.log.warning(f"Corrections of {customer} are not shared: the customer has left.")
        return []
    if isinstance(settings.customers, Path) and not (settings.customers / customer).is_dir():
        raise FileNotFoundError(f"The folder {settings.customers / customer} is not there.")
    files = customer_files(settings, customer)
    # The day of the event, not of the tick: so a second try finds what the first one put there.
    day = datetime.fromtimestamp(event.timestamp, UTC).date()
    places = (uploads_at(settings.landing / "sessions"), uploads_at(settings.landing / "annotations"))
    added: list[str] = []
    for session in sessions:
        try:
            added += share_session(session, files, *places, day)
        except NotShareableError as error:
            context.log.warning(f"Corrections of {customer} are not shared: {error}")
    return added
