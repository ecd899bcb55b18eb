"""Whose runs there are, and so what of their tags is believed: whoever may submit a run writes tags as they like."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from pipelines.costs.remote_runs import RemoteRun
from pipelines.customers.published_job import customer_of_job

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient


class Makers:
    """Tells the pipelines' own runs from customers' and from others', as the pipelines' principal of a workspace.

    Jobs are looked up when the first run needs it that somebody else made; customers' principals are those that the
    pipelines' own published jobs may be started by, which nobody else can change.
    """

    def __init__(self, client: WorkspaceClient) -> None:
        """`client` is of the pipelines' own principal."""
        self._client = client

    def believed(self, run: RemoteRun) -> RemoteRun:
        """The run with those tags that hold.

        What the pipelines submitted, and the jobs that they made, say the truth whoever starts them. Anything else that
        a customer's principal made is that customer's, and what others made is nobody's, whatever its tags say.
        """
        if run.creator == self._me or run.job_id in self._own_jobs:
            return run
        customer = self._customers.get(run.creator)
        return replace(run, tags={} if customer is None else {"customer": customer})

    @cached_property
    def _me(self) -> str:
        return self._client.current_user.me().user_name or ""

    @cached_property
    def _own_jobs(self) -> dict[int, str]:
        """The names of the jobs that the pipelines made, by number."""
        return {
            job.job_id or 0: (job.settings.name if job.settings else None) or ""
            for job in self._client.jobs.list(limit=100)
            if job.creator_user_name == self._me
        }

    @cached_property
    def _customers(self) -> dict[str, str]:
        """The customers by the application ids of their principals."""
        found: dict[str, str] = {}
        for job, name in self._own_jobs.items():
            if (customer := customer_of_job(name)) is not None:
                for entry in self._client.permissions.get("jobs", str(job)).access_control_list or []:
                    if entry.service_principal_name and entry.service_principal_name != self._me:
                        found[entry.service_principal_name] = customer
        return found
