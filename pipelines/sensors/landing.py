"""The landing sensor: sees new uploads and asks for a run of their upload day."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import date
from typing import Any

import dagster as dg

from pipelines.environments import Settings
from pipelines.jobs import ingest
from pipelines.landing import DayListing, Kind, list_days
from pipelines.partitions import today

KINDS: tuple[Kind, ...] = ("sessions", "annotations")
MOST_DAYS_PER_TICK = 5
SETTLING_SECONDS = 5.0
"""A day whose newest file is younger than this may still be written to, so it waits for a later tick."""


@dg.sensor(job=ingest, minimum_interval_seconds=15, default_status=dg.DefaultSensorStatus.RUNNING)
def landing_zone(
    context: dg.SensorEvaluationContext, settings: dg.ResourceParam[Settings]
) -> dg.SensorResult | dg.SkipReason:
    """Asks for an ingestion of every upload day whose files in the landing zone have changed.

    What was seen is kept as a digest per day, so a tick costs one listing. An error, such as an
    unreadable folder, fails the tick and is seen again at the next one.
    """
    seen: dict[str, dict[str, str]] = json.loads(context.cursor) if context.cursor else {}
    present = {kind: list_days(settings.landing, kind) for kind in KINDS}
    seen = {day: digests for day, digests in seen.items() if any(day in days for days in present.values())}
    remarks: list[str] = []
    ready: list[str] = []
    for day in sorted({day for days in present.values() for day in days}):
        if _digests(present, day) == seen.get(day):
            continue
        if problem := _unusable(day, settings):
            remarks.append(problem)
        elif _settling(present, day):
            remarks.append(f"{day}: files are still arriving, waiting until they have settled.")
        else:
            ready.append(day)
    if len(ready) > MOST_DAYS_PER_TICK:
        remarks.append(f"{len(ready) - MOST_DAYS_PER_TICK} more days with new files follow in the next ticks.")
    chosen = ready[:MOST_DAYS_PER_TICK]
    for remark in remarks:
        context.log.info(remark)
    observations = [
        event for day in chosen for event in _observations(present, day, seen.get(day, {}), str(settings.landing))
    ]
    for day in chosen:
        seen[day] = _digests(present, day)
    return dg.SensorResult(
        run_requests=[_request(day, seen[day]) for day in chosen],
        skip_reason=None if chosen else " ".join(remarks) or "Nothing new in the landing zone.",
        asset_events=observations,
        cursor=json.dumps(seen, sort_keys=True),
    )


def _digests(present: dict[Kind, dict[str, DayListing]], day: str) -> dict[str, str]:
    return {kind: days[day].digest for kind, days in present.items() if day in days}


def _unusable(day: str, settings: Settings) -> str | None:
    """Why the folder's files cannot be ingested, with the remedy, or None if they can."""
    if not day:
        return f"Files lie beside the folders of days: move them into {settings.landing}/<kind>/{today()}/."
    try:
        parsed = date.fromisoformat(day)
    except ValueError:
        return f"Folder {day!r} is no upload day: name it YYYY-MM-DD."
    if parsed.isoformat() != day:
        return f"Folder {day!r} is no upload day: name it {parsed.isoformat()}."
    if parsed < settings.first_upload_day:
        return f"{day} is before the first upload day: set PIPELINES_FIRST_UPLOAD_DAY to it, or move its files."
    if parsed > today():
        return f"{day} is in the future: its files are taken on that day."
    return None


def _settling(present: dict[Kind, dict[str, DayListing]], day: str) -> bool:
    ages = [time.time() - days[day].newest_modification_s for days in present.values() if day in days]
    return any(0 <= age < SETTLING_SECONDS for age in ages)


def _observations(
    present: dict[Kind, dict[str, DayListing]], day: str, before: dict[str, str], landing: str
) -> Iterator[dg.AssetObservation]:
    for kind, days in present.items():
        if day in days and days[day].digest != before.get(kind):
            metadata: dict[str, Any] = {
                "files": days[day].file_count,
                "bytes": days[day].byte_count,
                "newest_file": dg.MetadataValue.timestamp(days[day].newest_modification_s),
                "folder": dg.MetadataValue.path(f"{landing}/{kind}/{day}"),
            }
            yield dg.AssetObservation(asset_key=["landing", kind], partition=day, metadata=metadata)


def _request(day: str, digests: dict[str, str]) -> dg.RunRequest:
    content = "_".join(f"{kind}:{digest}" for kind, digest in sorted(digests.items()))
    return dg.RunRequest(partition_key=day, run_key=f"{day}_{content}", tags={"pipelines/trigger": "landing_zone"})
