"""One job per customer that an app of the customer's may start, and nothing else: `jobs/run-now` as a request.

The job belongs to the pipelines' own principal and runs as it. The customer's principal may start it, see its runs and
end them. The customer is part of the program, which lies where only the pipelines may write: a caller can replace a
job's parameters, but not its program.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.customers import request_program
from pipelines.customers.identifier import InvalidCustomerError, customer_id
from pipelines.customers.places import volume_of
from pipelines.databricks.compute import ComputeSettings
from pipelines.databricks.tags import description as describe_tags
from pipelines.workspace_names import folder_of

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

WAIT_S = 3600.0
"""How long a run waits for the answer."""
MOST_RUNS = 10
"""Of one customer at a time; on Databricks further ones wait in the job's queue."""
_SIZES = ("small", "standard")
_BUDGET_S = 60.0
_JOBS = "/api/2.2/jobs"
_NAMES_BEGIN = "analyze-"


def job_name(customer: str) -> str:
    """The job of the customer.

    Raises:
        InvalidCustomerError: that is no customer's identifier.
    """
    return f"{_NAMES_BEGIN}{customer_id(customer)}"


def customer_of_job(name: str) -> str | None:
    """Whose job is called so, if the pipelines made it; None if no customer's is."""
    if not name.startswith(_NAMES_BEGIN):
        return None
    try:
        return customer_id(name.removeprefix(_NAMES_BEGIN))
    except InvalidCustomerError:
        return None


def program_of(customer: str) -> bytes:
    """The program of the customer's job."""
    source = Path(request_program.__file__).read_text(encoding="utf-8")
    call = f"main({folder_of(volume_of(customer))!r}, {WAIT_S!r}, sys.argv[1:])"
    return f"{source}\n\nimport sys\n\n{call}\n".encode()


def definition(customer: str, tags: dict[str, str], program: str, compute: ComputeSettings) -> dict[str, Any]:
    """The job's settings, as the Jobs API takes them.

    Args:
        program: where the customer's program lies.
        compute: that of the environment; the job takes its smallest size.
    """
    size = next((name for name in _SIZES if name in compute.sizes), next(iter(compute.sizes)))
    paying = {"customer": customer_id(customer), "purpose": "inference", **tags}
    # Runs do not tell the tags of their job: what a run costs is found by what its task says.
    told = describe_tags({**compute.custom_tags, **paying, "size": size})
    parameters = ("{{job.parameters.sessions}}", "{{job.parameters.request_id}}", "{{job.run_id}}")
    task = {
        "task_key": "request",
        "description": f"Puts a request into the inbox of {customer} and waits for its answer.\n{told}",
        "spark_python_task": {"python_file": program, "parameters": list(parameters)},
        "max_retries": 0,
    }
    request = compute.request(size, task, paying)
    request.pop("access_control_list", None)  # who may see and start it is said by `access`, all at once
    for one in request["tasks"]:
        one.pop("libraries", None)  # the program needs Python alone
    for environment in request.get("environments", ()):
        environment["spec"].pop("dependencies", None)
    return {
        "name": job_name(customer),
        "description": f"Analyses sessions of {customer}: see docs/requests.md.",
        "parameters": [{"name": "sessions", "default": ""}, {"name": "request_id", "default": ""}],
        "tags": {**compute.custom_tags, **paying},
        "max_concurrent_runs": MOST_RUNS,
        "queue": {"enabled": True},
        **request,
        "timeout_seconds": int(WAIT_S) + 1200,
    }


def access(owner: str, principal: str, is_group: bool, viewers: tuple[str, ...] = ()) -> list[dict[str, str]]:
    """Who may do what with the job: `owner` and `principal` as access lists call them."""
    kind = "group_name" if is_group else "service_principal_name"
    return [
        {"service_principal_name": owner, "permission_level": "IS_OWNER"},
        {kind: principal, "permission_level": "CAN_MANAGE_RUN"},
        *({"group_name": group, "permission_level": "CAN_VIEW"} for group in viewers),
    ]


def publish(
    client: WorkspaceClient,
    customer: str,
    principal: str,
    is_group: bool,
    tags: dict[str, str],
    staging: str,
    compute: ComputeSettings,
) -> str:
    """Make the customer's job what it is to be, once however often this is called; what was done, in words.

    Args:
        client: of the pipelines' own principal.
        principal: the customer's, as access lists call it: application id or group.
        staging: the folder that only the pipelines may write.
    """
    from pipelines.databricks.rest import Api
    from pipelines.databricks.staging import Staging

    program = Staging(Api("production", client, _BUDGET_S), staging.rstrip("/")).program(program_of(customer))
    settings = definition(customer, tags, program.path, compute)
    found, api = _own_jobs(client, customer), client.api_client
    if found:
        job, word = found[0], "was there"
        api.do("POST", f"{_JOBS}/reset", body={"job_id": job, "new_settings": settings})
    else:
        answer = api.do("POST", f"{_JOBS}/create", body=settings)
        assert isinstance(answer, dict)
        job, word = int(answer["job_id"]), "added"
    for twin in found[1:]:  # two commands at once
        client.jobs.delete(twin)
    entries = access(_me(client), principal, is_group, compute.viewers)
    api.do("PUT", f"/api/2.0/permissions/jobs/{job}", body={"access_control_list": entries})
    return f"{word}: job {job_name(customer)} ({job}), CAN MANAGE RUN to {principal}"


def unpublish(client: WorkspaceClient, customer: str) -> Iterator[str]:
    """Remove the customer's job; its runs end.

    Yields:
        What was removed, when it is.
    """
    from databricks.sdk.errors import NotFound

    for job in _own_jobs(client, customer):
        settings = client.jobs.get(job).settings
        programs = [each.spark_python_task for each in (settings.tasks if settings else None) or ()]
        client.jobs.delete(job)
        yield f"job {job_name(customer)} ({job})"
        for program in programs:
            if program is not None:
                try:
                    client.files.delete(program.python_file)
                except NotFound:
                    continue


def published_for(client: WorkspaceClient, customer: str) -> int | None:
    """The number of the customer's job; None if it has none."""
    return next(iter(_own_jobs(client, customer)), None)


def _own_jobs(client: WorkspaceClient, customer: str) -> list[int]:
    """The caller's own jobs of that name, the oldest first: anybody may give a job any name."""
    me = _me(client)
    found = client.jobs.list(name=job_name(customer))
    return sorted(each.job_id or 0 for each in found if each.creator_user_name == me)


def _me(client: WorkspaceClient) -> str:
    return client.current_user.me().user_name or ""
