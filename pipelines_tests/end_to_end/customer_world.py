"""A production site with customers: what they put into their folders, what they are answered, and what tables hold."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dagster import DagsterRun, DagsterRunStatus, RunsFilter
from databricks.sdk import WorkspaceClient
from databricks.sdk.service import iam
from deltalake import DeltaTable

from pipelines.assets.customers import BATCH, STEP
from pipelines.customers.onboarding_plan import principal_of
from pipelines.customers.status import Status
from pipelines.embedded import administrator, local_settings
from pipelines.local.lifecycle import status
from pipelines.settings import Settings
from pipelines_tests.end_to_end.caught_step import CaughtStep, caught_step
from pipelines_tests.end_to_end.dagster_ui import DagsterUi
from pipelines_tests.end_to_end.environment import DAY as UPLOADED
from pipelines_tests.end_to_end.environment import environment_in, finish, start_job, upload_sessions
from pipelines_tests.end_to_end.production_site import ProductionSite, production_site
from pipelines_tests.end_to_end.tiny_repository import MODEL, TinyRepository, model_files
from pipelines_tests.flight.formats.made_flight import garmin_log, made_flight
from pipelines_tests.local.conftest import client_with


@dataclass
class World:
    """The site as one of its customers meets it."""

    site: ProductionSite
    commit: str
    customer: str = "acme"

    def of(self, customer: str) -> World:
        """The same for another customer, who is onboarded if need be."""
        found = replace(self, customer=customer)
        if not found.folder.exists():
            done = self.command("customer", "onboard", customer)
            assert done.returncode == 0, done.stdout + done.stderr
        return found

    @property
    def folder(self) -> Path:
        assert isinstance(self.site.settings.customers, Path)
        return self.site.settings.customers / self.customer

    @property
    def ui(self) -> DagsterUi:
        return DagsterUi(self.site.variables["PIPELINES_DAGSTER"])

    def app_and_job(self) -> tuple[WorkspaceClient, int]:
        """A client with nothing but a token of the customer's principal, and the job that it may start."""
        admin = administrator(self.site.settings)
        [principal] = admin.service_principals.list(filter=f'displayName eq "{principal_of(self.customer)}"')
        token = admin.token_management.create_obo_token(principal.application_id or "").token_value
        app = client_with(admin.config.host or "", token or "")
        [job] = app.jobs.list()
        return app, job.job_id or 0

    def may_compute(self) -> None:
        """Give the customer's principal a policy, which no customer has: else it could run no code of its own."""
        admin, (app, _) = administrator(self.site.settings), self.app_and_job()
        policy = admin.cluster_policies.create(name=f"of {self.customer}", definition="{}").policy_id or ""
        uses = iam.AccessControlRequest(
            service_principal_name=app.current_user.me().user_name, permission_level=iam.PermissionLevel.CAN_USE
        )
        admin.permissions.update("cluster-policies", policy, access_control_list=[uses])

    def session(self, name: str, seed: int) -> str:
        (self.folder / "sessions" / name).write_bytes(garmin_log(made_flight(seconds=601, seed=seed)))
        return name

    def ask(self, name: str, *sessions: str, **more: Any) -> None:
        (self.folder / "inbox" / name).write_text(json.dumps({"sessions": list(sessions), **more}))

    def status(self, name: str) -> Status | None:
        file = self.folder / "inbox" / f"{Path(name).stem}.status.json"
        return Status.model_validate_json(file.read_bytes()) if file.is_file() else None

    def answer(self, name: str) -> Status:
        def look() -> Status | None:
            status = self.status(name)
            return status if status is not None and status.is_final else None

        return self.site.wait(f"the answer to {name}", look, 240)

    def correct(self, customer: str, name: str, session: str) -> None:
        """An instructor of the customer says that ten seconds of the session were a steep turn."""
        row = f"session,kind,from,to,label,instructor,comment\n{session},maneuver,20,29,steep_turn,Ada of {customer},\n"
        (self.folder.parent / customer / "inbox" / name).write_text(row)

    def corrected(self, customer: str, name: str) -> Status:
        file = self.folder.parent / customer / "inbox" / f"{name}.status.json"

        def look() -> Status | None:
            status = Status.model_validate_json(file.read_bytes()) if file.is_file() else None
            return status if status is not None and status.is_final else None

        return self.site.wait(f"the answer to {name} of {customer}", look, 240)

    def landed(self, kind: str) -> dict[str, Path]:
        """Files of the landing zone by name, below days other than that of the first uploads."""
        assert isinstance(self.site.settings.landing, Path)
        found = (self.site.settings.landing / kind).glob("*/*")
        return {file.name: file for file in found if file.parent.name != UPLOADED.isoformat()}

    def runs(self) -> list[DagsterRun]:
        return list(self.site.instance.get_runs(RunsFilter(job_name="analyze")))

    def own_runs(self) -> list[DagsterRun]:
        """Those of this customer alone, the newest first."""
        return [run for run in self.runs() if run.tags.get("dagster/partition") == self.customer]

    def run(self, run_id: str) -> DagsterRun:
        """The run as it is now."""
        found = self.site.instance.get_run_by_id(run_id)
        assert found is not None
        return found

    def ended(self, run_id: str) -> DagsterRun:
        """The run, once it has ended."""
        found = self.site.wait(
            f"the end of run {run_id}", lambda: run if (run := self.run(run_id)).is_finished else None
        )
        assert found.is_success, self.site.reasons(found)
        return found

    def carried_out_by(self, name: str) -> str | None:
        """The run that is to carry out that request; None before it stands in the queue."""
        status = self.status(name)
        runs = self.site.instance.get_runs(RunsFilter(tags={BATCH: status.batch})) if status and status.batch else []
        return runs[0].run_id if runs and runs[0].status != DagsterRunStatus.NOT_STARTED else None

    def backfilled(self, backfill: str, *customers: str) -> list[str] | None:
        """The backfill's runs, one for each of the customers in this order; None before all are there."""
        runs = self.site.instance.get_runs(RunsFilter(tags={"dagster/backfill": backfill}))
        found = {run.tags["dagster/partition"]: run.run_id for run in runs}
        assert len(found) == len(runs), "a run for each customer"
        return [found[customer] for customer in customers] if found.keys() == set(customers) else None

    def at_rest(self) -> None:
        """Wait until no run of the customer is under way."""
        self.site.wait("the end of its runs", lambda: all(run.is_finished for run in self.own_runs()) or None, 240)

    def begun(self, name: str) -> None:
        """Wait until a step is at the request."""

        def look() -> bool | None:
            status = self.status(name)
            return (status is not None and status.state == "running") or None

        self.site.wait(f"the step of {name}", look, 240)

    def caught(self, name: str, since: float) -> CaughtStep:
        """The step that carries that request out, which began after that time, stopped in the middle."""
        self.begun(name)
        found = caught_step(self.site.settings, lambda: "daemon" not in self.site.processes.dead, since, STEP)
        assert found is not None, "the daemon ended"
        return found

    def once(self, name: str, session: str) -> Status:
        """The answer to that request for that one session, which must have been carried out once and whole."""
        told = self.answer(name)
        assert told.state == "done", (told, self.site.reasons(self.own_runs()[0]))
        [one] = told.sessions
        assert (one.session, one.status) == (session, "analysed")
        assert [seconds for (seconds,) in self.rows("flight_samples", "second", of=one.session_id)] == list(range(600))
        assert len(self.rows("analysis", "finding", of=one.session_id)) == 60
        assert self.rows("analysed_sessions", "status", of=one.session_id) == [("judged",)]
        return told

    def rows(
        self, table: str, *columns: str, schema: str | None = None, of: str | None = None
    ) -> list[tuple[Any, ...]]:
        """Rows of a table in order, of the customer's own schema by default; `of`: of that session alone."""
        schema = schema or f"prod.customer_{self.customer}"
        folder = self.site.settings.tables.joinpath(*schema.split("."), table)
        only = [("session_id", "=", of)] if of is not None else None
        found = DeltaTable(str(folder)).to_pyarrow_table(columns=list(columns), filters=only).to_pylist()
        return sorted(tuple(row[column] for column in columns) for row in found)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", "from pipelines.cli import main; main()", *arguments],
            env=self.site.variables,
            capture_output=True,
            text=True,
            check=False,
        )


def _model_that_instructors_correct() -> dict[str, str]:
    return {path: text.replace(f"{MODEL}_judgements", "maneuver_segments") for path, text in model_files().items()}


@contextmanager
def customers_world(folder: Path) -> Iterator[World]:
    """A site in the folder with one released model, and acme and birch for customers."""
    with environment_in(folder / "home") as settings:
        upload_sessions(settings, count=2, first_seed=5)
        finish(start_job(settings, "ingest"))
        people = TinyRepository(folder / "people")
        with production_site(settings, people.bare) as site:
            commit = people.commit(_model_that_instructors_correct(), "the first model")
            site.released(commit)
            made = World(site, commit)
            for customer in ("acme", "birch"):
                done = made.command("customer", "onboard", customer)
                assert done.returncode == 0, done.stdout + done.stderr
            yield made


@contextmanager
def registry_away(settings: Settings) -> Iterator[None]:
    """Nobody can read the registry until the block ends."""
    held = sqlite3.connect(settings.registry_uri.removeprefix("sqlite:///"), isolation_level=None, timeout=30)
    held.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        held.rollback()
        held.close()


def server_of(settings: Settings) -> int:
    """The process of the production workspace's server."""
    found = status(local_settings(settings), settings.location).pid
    assert found is not None
    return found
