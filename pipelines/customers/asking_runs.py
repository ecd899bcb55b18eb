"""Which runs of a customer's published job asked for something, as the workspace itself shows them."""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import TYPE_CHECKING

from pipelines.settings import Settings

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

MOST_LOOKED_UP = 50
_BUDGET_S = 10.0
_log = logging.getLogger(__name__)


def addresses_of(settings: Settings, customer: str, runs: Collection[int]) -> dict[int, str]:
    """Addresses of those of the runs that are runs of the customer's own job, by number; asked in a step only.

    Where the workspace does not answer there are none: a link is not worth a request.
    """
    if not runs or not settings.in_task or settings.remote is None:
        return {}
    from databricks.sdk import WorkspaceClient

    from pipelines.databricks.rest import Api

    try:
        return runs_of_own_job(Api("production", WorkspaceClient(), _BUDGET_S).client, customer, runs)
    except Exception as error:  # whatever it is, the sessions are analysed
        _log.warning("Which runs asked is not known: %s", error)
        return {}


def runs_of_own_job(client: WorkspaceClient, customer: str, runs: Collection[int]) -> dict[int, str]:
    """The same with the pipelines' own client. The numbers are the customer's word: other runs' are left out."""
    from databricks.sdk.errors.base import DatabricksError

    from pipelines.customers.published_job import published_for

    job = published_for(client, customer)
    found: dict[int, str] = {}
    for number in sorted(runs)[:MOST_LOOKED_UP] if job is not None else ():
        try:
            run = client.jobs.get_run(number)
        except DatabricksError:  # there is none of that number
            continue
        if run.job_id == job and run.run_page_url:
            found[number] = run.run_page_url
    return found
