"""Which runs of a customer's published job asked for something, as the workspace itself shows them."""

from __future__ import annotations

import logging
from collections.abc import Collection

from pipelines.settings import Settings

MOST_LOOKED_UP = 50
_BUDGET_S = 10.0
_log = logging.getLogger(__name__)


def addresses_of(settings: Settings, customer: str, runs: Collection[int]) -> dict[int, str]:
    """Addresses of those of the runs that are runs of the customer's own job, by number; asked in a step only.

    The numbers are the customer's word. One that is any other run's, or no run's, is left out; and where the workspace
    does not answer, so are all: a link is not worth a request.
    """
    if not runs or not settings.in_task or settings.remote is None:
        return {}
    from databricks.sdk import WorkspaceClient

    from pipelines.customers.published_job import published_for
    from pipelines.databricks.rest import Api

    found: dict[int, str] = {}
    try:
        client = Api("production", WorkspaceClient(), _BUDGET_S).client
        job = published_for(client, customer)
        for run in sorted(runs)[:MOST_LOOKED_UP] if job is not None else ():
            if (address := _address(client, run, job)) is not None:
                found[run] = address
    except Exception as error:  # whatever it is, the sessions are analysed
        _log.warning("Which runs asked is not known: %s", error)
    return found


def _address(client: object, run: int, job: int | None) -> str | None:
    from databricks.sdk.errors.base import DatabricksError

    try:
        one = client.jobs.get_run(run)  # type: ignore[attr-defined]
    except DatabricksError:
        return None
    return one.run_page_url if one.job_id == job else None
