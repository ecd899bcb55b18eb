"""Customers as Dagster knows them: what the jobs about them told, their partitions, their runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console

from pipelines.cli.follow import run_with_progress
from pipelines.cli.instance import open_instance
from pipelines.customers.tasks import CustomerTask, job_of, task_config
from pipelines.releases.run_tags import CUSTOMER
from pipelines.settings import Settings

if TYPE_CHECKING:
    from typing import Any

    from dagster import EventLogEntry

    from pipelines.customers.registry import Customer

_PAGE = 1000


def known_customers(settings: Settings) -> dict[str, Customer]:
    """Every customer by identifier, as the newest job about it told."""
    from pipelines.assets.customer_records import customers

    found: dict[str, Customer] = {}
    with open_instance(settings) as instance:
        cursor = None
        while True:
            page = instance.fetch_materializations(customers.key, limit=_PAGE, cursor=cursor)
            for record in page.records:
                customer, _ = _told(record.event_log_entry)
                found.setdefault(customer.id, customer)
            cursor = page.cursor
            if not page.has_more:
                return found


def run_task(
    console: Console,
    settings: Settings,
    task: CustomerTask,
    customer: str,
    actor: str,
    choices: dict[str, Any] | None = None,
) -> tuple[Customer, list[str]]:
    """Run the job of one step; the customer after it, and what it told.

    Raises:
        RunFailedError: it failed; the message says why.
    """
    from dagster import DagsterEventType

    config = task_config(task, customer, actor, choices or {})
    run = run_with_progress(console, settings, job_of(task), tags={CUSTOMER: customer}, config=config)
    with open_instance(settings) as instance:
        [event] = instance.all_logs(run.run_id, of_type=DagsterEventType.ASSET_MATERIALIZATION)
        return _told(event)


def set_partition(settings: Settings, customer: str, there: bool) -> bool:
    """Add the customer's partition, or take it away; whether that changed anything."""
    from pipelines.partitions import CUSTOMERS

    name = CUSTOMERS.name
    assert name is not None
    with open_instance(settings) as instance:
        if instance.has_dynamic_partition(name, customer) == there:
            return False
        if there:
            instance.add_dynamic_partitions(name, [customer])
        else:
            instance.delete_dynamic_partition(name, customer)
        return True


def active_runs(settings: Settings, customer: str) -> list[str]:
    """The ids of runs of the customer's partition that have not ended."""
    from dagster import RunsFilter
    from dagster._core.storage.dagster_run import IN_PROGRESS_RUN_STATUSES, DagsterRunStatus

    from pipelines.cli.runs import close_dead_runs

    with open_instance(settings) as instance:
        close_dead_runs(instance)
        waiting = [*IN_PROGRESS_RUN_STATUSES, DagsterRunStatus.QUEUED]
        by_tag = (
            instance.get_runs(RunsFilter(statuses=waiting, tags={tag: customer}))
            for tag in (CUSTOMER, "dagster/partition")
        )
        return sorted({run.run_id[:8] for runs in by_tag for run in runs})


def _told(entry: EventLogEntry) -> tuple[Customer, list[str]]:
    from pipelines.assets.customer_records import customer_from

    event = entry.asset_materialization
    assert event is not None
    customer, told = event.metadata["customer"].value, event.metadata["told"].value
    assert isinstance(customer, str)
    return customer_from(customer), [str(line) for line in told] if isinstance(told, list) else []
