"""Who the customers are, and the jobs of one step that on- and offboarding them needs in the production workspace.

What takes an administrator (schema, volume, principal, grants, secrets) is not here: `pipelines customer` does that.
"""

import json
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from pipelines.assets.table_assets import table_spec
from pipelines.customers.tasks import CustomerTask, job_of, step_of
from pipelines.engines.engine import Engine
from pipelines.partitions import CUSTOMERS as PARTITIONS
from pipelines.settings import Settings
from pipelines.tables.contracts.operations import CUSTOMERS

if TYPE_CHECKING:
    from pipelines.customers.archive import Belongings
    from pipelines.customers.registry import Customer

customers = table_spec(
    CUSTOMERS,
    deps=[],
    description="Who the customers are and what was agreed with each. A partition is a customer; its history tells "
    "who onboarded it, changed it and offboarded it.",
    partitions_def=PARTITIONS,
)
_MEANINGS: dict[CustomerTask, str] = {
    "onboard": "Makes a customer's tables and folders and lists it as active; `pipelines customer onboard` starts it.",
    "archive": "Takes no more requests of a customer, and archives all that it has.",
    "remove": "Removes a customer's tables and files, if all of them are in its archive.",
    "close": "Notes that nothing of a customer is left but its archive.",
}


class Choices(dg.Config):
    """What is agreed with a customer. What is null stays as it is, or is the default."""

    display_name: str | None = None
    """Name for people; by default the identifier."""
    cost_center: str | None = None
    """Who pays; by default the identifier."""
    principal: str | None = None
    """Service principal or group that was granted the customer's schema and files."""
    writes_files: bool | None = None
    """Whether that principal was granted to write files, too; by default not."""
    shares_corrections: bool | None = None
    """Whether instructors' corrections become labels for gold; by default not."""
    monthly_budget_usd: float | None = None
    """Dollars a month that are warned about; 0 for none, which is the default."""
    budget_warning_share: float | None = None
    """Share of the budget to warn from, 0 to 1; by default 0.8."""


class CustomerConfig(dg.Config):
    """Which customer, who does it, and what was chosen."""

    customer: str
    """Identifier of the customer."""
    actor: str
    """Your name."""
    choices: Choices = Field(default_factory=Choices)
    """When onboarding."""


def customer_job(task: CustomerTask) -> dg.JobDefinition:
    """The job that does one part of on- or offboarding."""

    @dg.op(name=step_of(task), description=_MEANINGS[task])
    def step(
        context: dg.OpExecutionContext,
        config: CustomerConfig,
        engine: dg.ResourceParam[Engine],
        settings: dg.ResourceParam[Settings],
        step_launcher: dg.ResourceParam[object],
    ) -> None:
        from pipelines.customers.archive_files import ChangedMeanwhileError
        from pipelines.customers.archive_manifest import BrokenArchiveError
        from pipelines.customers.offboarding import NotArchivedError

        refusals = (ValueError, LookupError, ChangedMeanwhileError, BrokenArchiveError, NotArchivedError)
        try:
            customer, told = _done(task, config, engine, settings, context.log.info)
        except refusals as error:
            raise dg.Failure(str(error), allow_retries=False) from None
        context.log_event(
            dg.AssetMaterialization(
                customers.key,
                partition=customer.id,
                description=f"{customer.id} is {customer.state}",
                metadata={"task": task, "actor": config.actor, "customer": as_json(customer), "told": told},
            )
        )

    @dg.job(name=job_of(task), description=_MEANINGS[task])
    def job() -> None:
        step()

    return job


def as_json(customer: "Customer") -> str:
    """A customer as metadata of an event, for `customer_from`."""
    from dataclasses import asdict

    return json.dumps(asdict(customer), default=lambda moment: moment.isoformat())


def customer_from(text: str) -> "Customer":
    """The customer that `as_json` wrote."""
    from datetime import datetime

    from pipelines.customers.registry import Customer

    raw = json.loads(text)
    moments = {name: datetime.fromisoformat(raw[name]) for name in ("onboarded_at", "changed_at")}
    return Customer(**{**raw, **moments})


def _done(
    task: CustomerTask, config: CustomerConfig, engine: Engine, settings: Settings, say: Any
) -> tuple["Customer", list[str]]:
    from pipelines.customers.offboarding import archive_customer, close_customer, remove_customer
    from pipelines.customers.onboarding import onboard
    from pipelines.customers.registry import find_customer
    from pipelines.customers.tasks import archives_folder, files_folder

    if task == "onboard":
        choices = {name: value for name, value in config.choices.model_dump().items() if value is not None}
        files = files_folder(settings, config.customer)
        return onboard(engine, config.customer, choices, files, config.actor), []
    if task == "close":
        return close_customer(engine, config.customer, config.actor), []
    archives, own = archives_folder(settings), _belongings(engine, settings, config.customer)
    assert archives is not None
    if task == "archive":
        done = archive_customer(own, archives, config.actor, say)
        rows, files = sum(table.row_count for table in done.manifest.tables), len(done.manifest.files)
        what = "archived now" if done.made_now else "archived before, and unchanged"
        return done.customer, [f"{rows:,} rows and {files:,} files {what}: {done.manifest.name}"]
    told = []
    for line in remove_customer(own, archives, config.actor):
        say(line)
        told.append(line)
    found = find_customer(engine, config.customer)
    assert found is not None
    return found, told


def _belongings(engine: Engine, settings: Settings, customer: str) -> "Belongings":
    from pipelines.customers.archive import Belongings
    from pipelines.customers.tasks import files_folder
    from pipelines.training.scratch import scratch_folder

    files = files_folder(settings, customer)
    if files is None:
        raise ValueError(
            f"The customers' zone {settings.customers} is a bucket that this workspace mounts nothing of, so what is "
            "in it cannot be archived: copy it to a folder and set PIPELINES_CUSTOMERS to that, or use Databricks."
        )
    return Belongings(engine, customer, files, scratch_folder(settings))


customer_jobs = [customer_job(task) for task in ("onboard", "archive", "remove", "close")]
