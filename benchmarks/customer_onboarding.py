"""Many customers at once: what a request needs of each, without the minutes that a thousand principals would take.

Each is a partition, a row of `prod.ops.customers`, a schema and a volume that belong to who they must, and an inbox.
Its tables are made by its first request, as they are where onboarding was cut off. It has no principal, no secret
scope and no published job, which no request looks at; one customer is onboarded by the command, to tell what all of
that takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from pipelines.cli.instance import open_instance
from pipelines.customers.onboarding import as_asked
from pipelines.customers.onboarding_plan import customer_plan, location_of, principal_of
from pipelines.customers.places import INBOX, REVIEWS, SESSIONS
from pipelines.customers.registry import all_customers
from pipelines.embedded import administrator
from pipelines.engines import open_engine
from pipelines.partitions import CUSTOMERS as PARTITIONS
from pipelines.settings import Settings
from pipelines.tables.arrow_rows import rows_to_frame
from pipelines.tables.contracts.operations import CUSTOMERS


def onboard_many(settings: Settings, customers: Sequence[str]) -> None:
    """Make all of them customers; safe to do again."""
    from pipelines.databricks.bootstrap.apply import apply

    assert isinstance(settings.customers, Path)
    zone, owner = settings.customers, administrator(settings)
    new = [customer for customer in customers if not (zone / customer / REVIEWS).is_dir()]

    def place(customer: str) -> None:
        (zone / customer).mkdir(parents=True, exist_ok=True)
        plan = customer_plan(customer, principal_of(customer), location_of(zone, customer), writes_files=False)
        apply(replace(plan, service_principals=(), grants=(), secret_scopes=()), owner, {})
        for folder in (SESSIONS, INBOX, REVIEWS):
            (zone / customer / folder).mkdir(exist_ok=True)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(place, new))
    _enter(settings, customers)
    set_partitions(settings, customers)


def set_partitions(settings: Settings, customers: Sequence[str], instead_of: str | None = None) -> list[str]:
    """Make partitions of these customers; all partitions that there are then.

    Args:
        instead_of: others whose names begin so are none any more, and so no customers to the sensor.
    """
    name = str(PARTITIONS.name)
    with open_instance(settings) as instance:
        for customer in set(instance.get_dynamic_partitions(name)) - set(customers):
            if instead_of is not None and customer.startswith(instead_of):
                instance.delete_dynamic_partition(name, customer)
        if customers:
            instance.add_dynamic_partitions(name, list(customers))
        return list(instance.get_dynamic_partitions(name))


def _enter(settings: Settings, customers: Sequence[str]) -> None:
    """Their rows of the table, in one commit."""
    engine = open_engine(settings.engine, settings.tables)
    try:
        there = {one.id for one in all_customers(engine)}
        made = [as_asked(None, customer, {}, "benchmark") for customer in customers if customer not in there]
        rows = [{"customer": one.id, **{name: getattr(one, name) for name in CUSTOMERS.column_names[1:]}}
                for one in made]  # fmt: skip
        if rows:
            engine.append(CUSTOMERS.name, rows_to_frame(engine, CUSTOMERS, rows))
    finally:
        engine.stop()
