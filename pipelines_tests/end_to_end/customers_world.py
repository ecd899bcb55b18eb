"""A production site with one released model and two customers, and what its tests ask of it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dagster import DagsterRun, DagsterRunStatus, RunsFilter
from deltalake import DeltaTable

from pipelines.assets.customers import BATCH
from pipelines.customers.status import Status
from pipelines_tests.end_to_end.dagster_ui import DagsterUi
from pipelines_tests.end_to_end.environment import DAY as UPLOADED
from pipelines_tests.end_to_end.environment import environment_in, finish, start_job, upload_sessions
from pipelines_tests.end_to_end.production_site import ProductionSite, production_site
from pipelines_tests.end_to_end.tiny_repository import MODEL, TinyRepository, model_files
from pipelines_tests.flight.formats.made_flight import garmin_log, made_flight


@dataclass
class World:
    """The site and its customers; what names none is about acme."""

    site: ProductionSite
    commit: str

    @property
    def folder(self) -> Path:
        assert isinstance(self.site.settings.customers, Path)
        return self.site.settings.customers / "acme"

    @property
    def ui(self) -> DagsterUi:
        return DagsterUi(self.site.variables["PIPELINES_DAGSTER"])

    def session(self, name: str, seed: int, customer: str = "acme") -> str:
        log = garmin_log(made_flight(seconds=601, seed=seed))
        (self.folder.parent / customer / "sessions" / name).write_bytes(log)
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
        """The run that is to carry out that request of acme's; None before it stands in the queue."""
        status = self.status(name)
        runs = self.site.instance.get_runs(RunsFilter(tags={BATCH: status.batch})) if status and status.batch else []
        return runs[0].run_id if runs and runs[0].status != DagsterRunStatus.NOT_STARTED else None

    def backfilled(self, backfill: str, *customers: str) -> list[str] | None:
        """The backfill's runs, one for each of the customers in this order; None before all are there."""
        runs = self.site.instance.get_runs(RunsFilter(tags={"dagster/backfill": backfill}))
        found = {run.tags["dagster/partition"]: run.run_id for run in runs}
        assert len(found) == len(runs), "a run for each customer"
        return [found[customer] for customer in customers] if found.keys() == set(customers) else None

    def rows(self, table: str, *columns: str, schema: str = "prod.customer_acme") -> list[tuple[Any, ...]]:
        folder = self.site.settings.tables.joinpath(*schema.split("."), table)
        found = DeltaTable(str(folder)).to_pyarrow_table(columns=list(columns)).to_pylist()
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
