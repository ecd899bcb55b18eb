"""A production workspace with two customers, each with a published job, and somebody who answers in their inboxes."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient

from pipelines.customers.folder_files import FolderFiles
from pipelines.customers.inbox import Memory, open_requests
from pipelines.customers.onboarding_plan import customer_plan, principal_of
from pipelines.customers.places import INBOX
from pipelines.customers.published_job import publish, published_for
from pipelines.customers.status import new_status, tell
from pipelines.databricks.bootstrap.apply import apply
from pipelines.databricks.compute import ComputeSettings
from pipelines.landing.uploads import FileChangedError
from pipelines.local.lifecycle import down
from pipelines.local.settings import admin_name
from pipelines.metastore import PRINCIPALS, Site, set_up
from pipelines.workspace_names import folder_of, staging_volume
from pipelines_tests.local.conftest import Finished, client, client_with, local_settings, wait_for

CUSTOMERS = ("acme", "birch")
UNANSWERED = "unanswered"
"""How the ids of requests begin that nobody answers."""
COMPUTE = ComputeSettings.model_validate({"sizes": {"small": {"serverless": {}}}})


@dataclass(frozen=True)
class Office:
    """The workspace, its people, and where the customers' files lie."""

    zone: Path
    administrator: WorkspaceClient
    production: WorkspaceClient
    apps: dict[str, WorkspaceClient]
    """By customer: the SDK's client that holds only the token of its principal."""

    def publish(self, customer: str, **tags: str) -> str:
        [found] = self.administrator.service_principals.list(filter=f'displayName eq "{principal_of(customer)}"')
        staging = folder_of(staging_volume("production"))
        return publish(self.production, customer, found.application_id or "", False, tags, staging, COMPUTE)

    def job(self, customer: str) -> int:
        job = published_for(self.production, customer)
        assert job is not None
        return job

    def ask(self, customer: str, **parameters: str) -> Finished:
        """Start the customer's job as its app does, and wait for its end."""
        app = self.apps[customer]
        run = app.jobs.run_now(self.job(customer), job_parameters=parameters).response.run_id
        return wait_for(app, run)

    def inbox(self, customer: str) -> dict[str, str]:
        """The files of an inbox by name, statuses left out."""
        files = (self.zone / customer / "inbox").iterdir()
        return {each.name: each.read_text() for each in files if not each.name.endswith(".status.json")}

    def everything(self) -> set[str]:
        """Every path below the zone."""
        return {str(each.relative_to(self.zone)) for each in self.zone.rglob("*")}


@pytest.fixture(scope="package")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    home = tmp_path_factory.mktemp("published")
    settings = local_settings(home, grants=(), bindings=())
    settings = settings.with_changes(hidden=(*settings.hidden, home))
    zone, landing = home / "customers", home / "landing"
    landing.mkdir()
    development, administrator = (client(settings, name, admin_name(name)) for name in ("development", "production"))
    set_up(Site(f"file://{landing}", customers=f"file://{zone}", data_scientists=None), development, administrator)

    def person(name: str) -> WorkspaceClient:
        [found] = administrator.service_principals.list(filter=f'displayName eq "{name}"')
        token = administrator.token_management.create_obo_token(found.application_id or "").token_value
        return client_with(administrator.config.host or "", token or "")

    for customer in CUSTOMERS:
        plan = customer_plan(customer, principal_of(customer), f"file://{zone}/{customer}", customer == "acme")
        apply(plan, administrator)
        for folder in ("sessions", "inbox", "reviews"):
            (zone / customer / folder).mkdir(parents=True)
        (zone / customer / "sessions" / f"{customer}.csv").write_text("a session")
    apps = {customer: person(principal_of(customer)) for customer in CUSTOMERS}
    found = Office(zone, administrator, person(PRINCIPALS["production"]), apps)
    for customer in CUSTOMERS:
        assert found.publish(customer, cost_center=f"cc-{customer}").startswith("added: ")
    over = threading.Event()
    answering = threading.Thread(target=_answer, args=(zone, over), daemon=True)
    answering.start()
    yield found
    over.set()
    answering.join()
    for workspace in settings.workspaces:
        down(settings, workspace)


def _answer(zone: Path, over: threading.Event) -> None:
    """What the sensor does with inboxes, by its own code; a valid request is done as soon as it is seen."""
    memory = Memory()
    while not over.is_set():
        for customer in CUSTOMERS:
            with suppress(OSError, FileChangedError):  # as the sensor, which looks again in its next tick
                _answer_one(FolderFiles(zone / customer), customer, memory)
        time.sleep(0.2)


def _answer_one(files: FolderFiles, customer: str, memory: Memory) -> None:
    for one in open_requests(files, customer, memory, 100, files.listed(INBOX)):
        if one.waits_for is None and not one.status.request_id.startswith(UNANSWERED):
            told = {"request_id": one.status.request_id, "tables": {"analysis": "prod.customer.analysis"}}
            tell(files, new_status(one.name, one.status.request_digest, "done", **told))
