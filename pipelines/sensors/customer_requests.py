"""The sensor over the customers' inboxes: accepts what is asked there, asks for runs, and sees them ended.

What it knows is in the inboxes (requests, corrections and their statuses) and in Dagster's runs, never in a memory of
its own that it could lose. A customer has one such run at a time, so that a flood of requests waits for itself and not
for others; what came meanwhile is carried out together.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from pipelines.assets.customers import BATCH, STEP
from pipelines.assets.releases import CHAMPIONS
from pipelines.customers.identifier import InvalidCustomerError
from pipelines.customers.places import INBOX
from pipelines.customers.requests import MOST_SESSIONS_OF_A_RUN
from pipelines.jobs.production import analyze
from pipelines.landing.uploads import FileChangedError, LandingUnavailableError
from pipelines.partitions import CUSTOMERS
from pipelines.releases.run_tags import COMMIT, CUSTOMER
from pipelines.sensors import inbox_watch
from pipelines.sensors.branch_record import IN_PROGRESS, release_state
from pipelines.sensors.inbox_listings import AT_ONCE, listings
from pipelines.settings import Settings

if TYPE_CHECKING:
    from pipelines.customers.files import CustomerFiles
    from pipelines.customers.inbox import Memory, Open
    from pipelines.landing.uploads import LandedFile

MOST_REQUESTS = 50
MOST_SESSIONS = MOST_SESSIONS_OF_A_RUN
MOST_LOOKED_AT = 100
"""Requests of one customer that are looked at in a tick."""
MOST_CUSTOMERS = {"folder": 5_000, "bucket": 500}
"""Inboxes that are listed in a tick: in a bucket each is a request that costs time and money."""
MOST_SECONDS = 20.0
MOST_ATTEMPTS = 5
PRIORITY = "10"
"""Before backfills, which have 0."""
_TELLS_WITHIN_S = 60.0
_memory: Any = None
_watch = inbox_watch.InboxWatch()


@dataclass
class _Tick:
    """What one look at the inboxes leads to."""

    runs: list[dg.RunRequest] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


# The daemon asks every five seconds at best, and a minimum of as many would be missed by a moment every other time.
@dg.sensor(job=analyze, minimum_interval_seconds=1, default_status=dg.DefaultSensorStatus.RUNNING)
def customer_requests(context: dg.SensorEvaluationContext, settings: dg.ResourceParam[Settings]) -> dg.SensorResult:
    """Carries out what customers ask for in their inboxes, and answers each request beside it.

    An inbox that cannot be read is told in the tick's log and keeps none of the others from being looked at. A tick
    that finds nothing watches the folders on for some seconds.
    """
    if settings.customers is None:
        return dg.SensorResult(skip_reason="This environment has no customers' zone.")
    began = time.monotonic()
    tick = _Tick()
    inboxes = _inboxes(context, settings, tick)
    last = _looked(context, settings, inboxes, inboxes, began + MOST_SECONDS, tick) or context.cursor
    while not tick.runs and (changed := _watch.first_to_change(inboxes, began + inbox_watch.WATCH_SECONDS)):
        _looked(context, settings, inboxes, changed, began + MOST_SECONDS, tick)
    problems, remarks = dict.fromkeys(tick.problems), dict.fromkeys(tick.remarks)  # an inbox may be looked at again
    for problem in problems:
        context.log.error(problem)
    for remark in remarks:
        context.log.info(remark)
    said = " ".join([*problems, *remarks])[:2000] or "No request waits."
    return dg.SensorResult(run_requests=tick.runs, skip_reason=None if tick.runs else said, cursor=last)


def _looked(
    context: dg.SensorEvaluationContext,
    settings: Settings,
    inboxes: Mapping[str, CustomerFiles],
    customers: Iterable[str],
    until: float,
    tick: _Tick,
) -> str | None:
    """Look at those inboxes that may hold something new, until then (monotonic seconds); the last one's customer."""
    busy: set[str] | None = None
    last = None
    in_buckets = not isinstance(settings.customers, Path)
    for customer, listing in listings(inboxes, customers, AT_ONCE if in_buckets else 1):
        if time.monotonic() > until:
            tick.remarks.append("Further inboxes follow in the next tick.")
            break
        last, files = customer, inboxes[customer]
        try:
            if _watch.is_quiet(customer, files):
                continue
            busy = _busy(context.instance) if busy is None else busy
            changed_ns, began = files.changed_ns(INBOX), time.monotonic()
            _look(context.instance, customer, files, listing(), customer in busy, tick)
            _watch.listed(customer, changed_ns, customer not in _remembered().settled, time.monotonic() - began)
        except (OSError, FileChangedError, LandingUnavailableError) as error:
            _watch.listed(customer, None, is_open=True)
            tick.problems.append(f"The inbox of {customer} cannot be used: {error}")
        except Exception as error:  # nobody foresaw it, and still it is this customer's trouble and no other's
            _watch.listed(customer, None, is_open=True)
            context.log.exception(f"The inbox of {customer}")
            tick.problems.append(f"The inbox of {customer} cannot be used: {type(error).__name__}: {error}")
    return last


def _inboxes(context: dg.SensorEvaluationContext, settings: Settings, tick: _Tick) -> dict[str, CustomerFiles]:
    """Whose inboxes this tick looks at, in turn."""
    found = {}
    for customer in _in_turn(context, settings):
        try:
            found[customer] = _watch.files_of(settings, customer)
        except InvalidCustomerError:  # anybody can add a partition in the UI
            tick.problems.append(
                f"Partition {customer[:60]!a} is no customer's and is passed over: delete it, and make customers "
                "by `pipelines customer onboard`."
            )
    return found


def _in_turn(context: dg.SensorEvaluationContext, settings: Settings) -> list[str]:
    """The customers whose inboxes this tick looks at, after those of the tick before."""
    customers = sorted(context.instance.get_dynamic_partitions(str(CUSTOMERS.name)))
    later = [customer for customer in customers if customer > (context.cursor or "")]
    turn = [*later, *customers[: len(customers) - len(later)]]
    return turn[: MOST_CUSTOMERS["folder" if isinstance(settings.customers, Path) else "bucket"]]


def _busy(instance: dg.DagsterInstance) -> set[str]:
    """Customers for whom a run that carries out requests is under way."""
    runs = instance.get_runs(dg.RunsFilter(job_name=analyze.name, statuses=list(IN_PROGRESS)))
    return {run.tags[CUSTOMER] for run in runs if BATCH in run.tags and CUSTOMER in run.tags}


def _look(
    instance: dg.DagsterInstance,
    customer: str,
    files: CustomerFiles,
    inbox: Sequence[LandedFile],
    busy: bool,
    tick: _Tick,
) -> None:
    from pipelines.customers.inbox import begun, given_up, open_requests
    from pipelines.customers.requests import is_corrections

    ready: list[Open] = []
    ended: dict[str, str | None] = {}
    for one in open_requests(files, customer, _remembered(), MOST_LOOKED_AT, inbox):
        if one.waits_for:
            tick.remarks.append(f"{customer}, {one.name}: {one.waits_for}")
        elif busy:
            continue
        else:
            batch = f"{one.status.batch} {one.status.attempts}"
            if batch not in ended:
                ended[batch] = _why_not_again(instance, one)
            if (why := ended[batch]) is None:
                ready.append(one)
            elif why:
                given_up(files, one, why)
    if not ready:
        return
    chosen = _together(sorted(ready, key=lambda one: (one.asked_ns, one.name)))
    commit = chosen[0].status.commit or release_state(instance, CHAMPIONS).get("current")
    batch = _batch_of(customer, chosen)
    answered = [begun(files, one, batch) for one in chosen]
    names = [status.request for status in answered if not status.is_final]
    if not names:
        return
    asked = {
        "requests": [name for name in names if not is_corrections(name)],
        "corrections": [name for name in names if is_corrections(name)],
    }
    tags = {
        BATCH: batch,
        CUSTOMER: customer,
        "dagster/priority": PRIORITY,
        "pipelines/trigger": "customer_requests",
        **({COMMIT: commit} if commit else {}),
    }
    config = {"ops": {STEP: {"config": {kind: files for kind, files in asked.items() if files}}}}
    tick.runs.append(dg.RunRequest(run_key=f"{customer}_{batch}", partition_key=customer, run_config=config, tags=tags))


def _why_not_again(instance: dg.DagsterInstance, one: Open) -> str | None:
    """None if the request is to be begun (again); why it is given up; empty if it is still under way."""
    if not one.status.batch:
        return None
    records = instance.get_run_records(dg.RunsFilter(tags={BATCH: one.status.batch}), limit=1)
    if not records:  # asked for, and the tick died before there was a run
        return None
    run = records[0].dagster_run
    if not run.is_finished or _will_be_retried(run):
        return ""
    if run.is_success and one.status.attempts - one.status.parts < MOST_ATTEMPTS:
        return None  # the rest is this run's, or needs another release's code, or came after the run had begun
    if run.is_success:
        words = f"It was begun {one.status.attempts} times, and no run came to its answer (the last: run {run.run_id})."
    else:
        ended = "was stopped" if run.status == dg.DagsterRunStatus.CANCELED else "did not succeed"
        words = f"The run that carried it out {ended} (run {run.run_id})."
    return f"{words} Ask again; if that does not help, ask your contact."


def _will_be_retried(run: dg.DagsterRun) -> bool:
    """Whether a failed run is going to be tried again by Dagster, which says so a moment after it has failed."""
    told = run.tags.get("dagster/will_retry")
    if not run.is_failure:
        return False
    if told is None:
        # By this process's own watch: the run's machine may have another time.
        return time.monotonic() - _remembered().untold.setdefault(run.run_id, time.monotonic()) < _TELLS_WITHIN_S
    return told == "true" and "dagster/auto_retry_run_id" not in run.tags


def _together(ready: Sequence[Open]) -> list[Open]:
    """The requests of the next run, the oldest first: those that the same code can carry out, and not too many."""
    chosen: list[Open] = []
    sessions = 0
    for one in ready:
        if one.status.commit != ready[0].status.commit:
            continue
        sessions += one.size
        if chosen and (len(chosen) == MOST_REQUESTS or sessions > MOST_SESSIONS):
            break
        chosen.append(one)
    return chosen


def _batch_of(customer: str, chosen: Sequence[Open]) -> str:
    parts = [f"{one.name}\0{one.status.request_digest}\0{one.status.attempts}" for one in chosen]
    return sha256("\n".join([customer, *parts]).encode()).hexdigest()[:16]


def _remembered() -> Memory:
    """What this process has read; another one reads it again."""
    global _memory
    if _memory is None:
        from pipelines.customers.inbox import Memory

        _memory = Memory()
    return _memory
