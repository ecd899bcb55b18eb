"""The landing sensor: sees new uploads and asks for a run of their upload day."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any

import dagster as dg

from pipelines.jobs.development import ingest
from pipelines.landing import DayListing, Kind, Uploads
from pipelines.landing.scan import Memory, scan
from pipelines.partitions import today
from pipelines.settings import Settings

KINDS: tuple[Kind, ...] = ("sessions", "annotations")
MOST_DAYS_PER_TICK = 5
MOST_REMARKS = 5
SETTLING_SECONDS = 5.0
"""A day whose newest file is younger than this may still be written to, so it waits for a later tick."""

OpenUploads = Callable[[Kind], Uploads]


@dg.sensor(job=ingest, minimum_interval_seconds=15, default_status=dg.DefaultSensorStatus.RUNNING)
def landing_zone(
    context: dg.SensorEvaluationContext,
    settings: dg.ResourceParam[Settings],
    landing: dg.ResourceParam[OpenUploads],
) -> dg.SensorResult:
    """Asks for an ingestion of every upload day whose files in the landing zone have changed.

    What was seen is kept as a digest per day; how much a tick lists is bounded, see `pipelines.landing.scan`. An
    error, such as an unreadable folder or a bucket that refuses, fails the tick and is seen again at the next one.
    """
    if not settings.landing_is_reachable:
        said = "The environment names no landing zone that can be listed from here: set `landing` in its file."
        return dg.SensorResult(skip_reason=said, cursor=context.cursor)
    memory = Memory.from_text(context.cursor)
    uploads: dict[Kind, Uploads] = {kind: landing(kind) for kind in KINDS}
    days, remarks = _upload_days(uploads, settings)
    found: dict[str, dict[Kind, DayListing]] = {}
    for (day, kind), listing in scan(uploads, days, memory, today()).items():
        found.setdefault(day, {})[kind] = listing
    changed = sorted(day for day in found if memory.seen.get(day, {}) | _digests(found[day]) != memory.seen.get(day))
    ready = [day for day in changed if not _settling(found[day])]
    remarks += [f"{day}: files are still arriving, waiting until they settle." for day in changed if day not in ready]
    if len(ready) > MOST_DAYS_PER_TICK:
        remarks.append(f"{len(ready) - MOST_DAYS_PER_TICK} more days with new files follow in the next ticks.")
    chosen = ready[:MOST_DAYS_PER_TICK]
    for remark in remarks:
        context.log.info(remark)
    observations = [
        event for day in chosen for event in _observations(settings, day, found[day], memory.seen.get(day, {}))
    ]
    for day in chosen:
        memory.seen[day] = memory.seen.get(day, {}) | _digests(found[day])
    not_listed = {day for day in memory.waiting if day not in found}
    memory.waiting = sorted((not_listed | set(changed)) - set(chosen))
    return dg.SensorResult(
        run_requests=[_request(day, memory.seen[day]) for day in chosen],
        skip_reason=None if chosen else " ".join(remarks) or "Nothing new in the landing zone.",
        asset_events=observations,
        cursor=memory.to_text(),
    )


def _upload_days(uploads: Mapping[Kind, Uploads], settings: Settings) -> tuple[dict[Kind, list[str]], list[str]]:
    """The days that exist, and remarks on what lies in their place and is none, or none yet."""
    days: dict[Kind, list[str]] = {kind: [] for kind in uploads}
    remarks: list[str] = []
    for kind, each in uploads.items():
        for name in each.entries():
            if problem := _unusable(name, kind, settings):
                remarks.append(problem)
            else:
                days[kind].append(name)
    if len(remarks) > MOST_REMARKS:
        remarks[MOST_REMARKS:] = [f"{len(remarks) - MOST_REMARKS} more names like these are left alone."]
    return days, remarks


def _digests(listings: Mapping[Kind, DayListing]) -> dict[Kind, str]:
    return {kind: listing.digest for kind, listing in listings.items()}


def _unusable(name: str, kind: Kind, settings: Settings) -> str | None:
    """Why nothing below this name can be ingested, with the remedy, or None if it is an upload day."""
    where = settings.landing / kind
    try:
        day = date.fromisoformat(name)
    except ValueError:
        return f"{where / name} is no upload day: move it into {where}/{today()}/."
    if day.isoformat() != name:
        return f"{where / name} is no upload day: rename it to {day.isoformat()}."
    if day < settings.first_upload_day:
        return f"{where / name} is before the first upload day: set PIPELINES_FIRST_UPLOAD_DAY to {day} or earlier."
    if day > today():
        return f"{where / name} is in the future: it is taken on that day."
    return None


def _settling(listings: Mapping[Kind, DayListing]) -> bool:
    ages = [time.time() - listing.newest_modification_s for listing in listings.values()]
    return any(0 <= age < SETTLING_SECONDS for age in ages)


def _observations(
    settings: Settings, day: str, listings: Mapping[Kind, DayListing], before: Mapping[Kind, str]
) -> Iterator[dg.AssetObservation]:
    for kind, listing in listings.items():
        if listing.digest != before.get(kind):
            metadata: dict[str, Any] = {
                "files": listing.file_count,
                "bytes": listing.byte_count,
                "newest_file": dg.MetadataValue.timestamp(listing.newest_modification_s),
                "folder": dg.MetadataValue.path(str(settings.landing / kind / day)),
            }
            yield dg.AssetObservation(asset_key=["landing", kind], partition=day, metadata=metadata)


def _request(day: str, digests: Mapping[Kind, str]) -> dg.RunRequest:
    content = "_".join(f"{kind}:{digest}" for kind, digest in sorted(digests.items()))
    return dg.RunRequest(partition_key=day, run_key=f"{day}_{content}", tags={"pipelines/trigger": "landing_zone"})
