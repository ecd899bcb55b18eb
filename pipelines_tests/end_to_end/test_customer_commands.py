"""`pipelines customer` from the first command to the last, over a whole embedded environment of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from pipelines.cli.customer import customer
from pipelines.cli.customer_runs import known_customers
from pipelines.cli.down import down
from pipelines.cli.instance import open_instance
from pipelines.customers.archive_manifest import manifest_of
from pipelines.customers.published_job import published_for
from pipelines.customers.registry import all_customers
from pipelines.customers.withdrawal import LeftBehindError
from pipelines.embedded import administrator
from pipelines.engines import open_engine
from pipelines.environments import settings_from
from pipelines.remote import workspace_client
from pipelines.settings import Settings
from pipelines_tests.customers.made_customer import add_rows


@dataclass(frozen=True)
class Home:
    """An embedded environment's home folder and its production settings."""

    folder: Path
    settings: Settings

    def run(self, *arguments: str) -> Result:
        """`pipelines customer ...`, told without line breaks in the middle."""
        return CliRunner(env={"COLUMNS": "400"}).invoke(customer, arguments)

    def partitions(self) -> list[str]:
        with open_instance(self.settings) as instance:
            return list(instance.get_dynamic_partitions("customers"))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    folder = tmp_path_factory.mktemp("customers-home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIPELINES_HOME", str(folder))
        patch.delenv("DAGSTER_HOME", raising=False)
        yield Home(folder, settings_from({"PIPELINES_HOME": str(folder)}, "production"))
        CliRunner().invoke(down, [])


def test_a_customer_comes_changes_and_leaves(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    files, warehouse = home.folder / "customers" / "acme", home.folder / "warehouse" / "prod"
    came = home.run("onboard", "acme", "--name", "Acme [Flight] Ümläut", "--budget", "100", "--actor", "ada")
    assert came.exit_code == 0, came.output
    assert "acme is active: Acme [Flight] Ümläut" in came.output
    assert home.partitions() == ["acme"]
    assert sorted(each.name for each in files.iterdir()) == ["inbox", "reviews", "sessions"]
    assert len(list((warehouse / "customer_acme").iterdir())) == 6
    assert "added: job analyze-acme" in came.output
    job = published_for(workspace_client(home.settings), "acme")
    assert job is not None

    changed = home.run("onboard", "acme", "--cost-center", "cc-7", "--writes-files", "--actor", "grace")
    assert changed.exit_code == 0, changed.output
    assert "added: WRITE VOLUME on volume prod.customer_acme.files" in changed.output
    assert f"was there: job analyze-acme ({job})" in changed.output
    published = administrator(home.settings).jobs.get(job).settings
    assert published is not None
    assert (published.tags or {})["cost_center"] == "cc-7"
    one = known_customers(home.settings)["acme"]
    assert (one.cost_center, one.monthly_budget_usd, one.writes_files, one.changed_by) == ("cc-7", 100, True, "grace")
    taken = home.run("onboard", "birch", "--principal", "pipelines-customer-acme")
    assert taken.exit_code == 1
    assert "others than this customer" in str(taken.exception)
    listed = home.run("list").output
    assert "acme" in listed
    assert "cc-7" in listed

    engine = open_engine("sail", home.settings.tables)
    add_rows(engine, "acme", 3)
    engine.stop()
    (files / "sessions" / "flight.csv").write_text("a session")
    with open_instance(home.settings) as instance:
        from dagster import DagsterRun, DagsterRunStatus

        run = DagsterRun("analyze", str(uuid4()), status=DagsterRunStatus.STARTED, tags={"dagster/partition": "acme"})
        instance.add_run(run)
        refused = home.run("offboard", "acme", "--confirm", "acme")
        assert refused.exit_code == 1
        assert f"1 run(s) of acme have not ended ({run.run_id[:8]})" in refused.output
        assert (files / "sessions" / "flight.csv").exists()
        assert administrator(home.settings).schemas.get("prod.customer_acme").name == "customer_acme"
        instance.delete_run(run.run_id)
    archive = home.folder / "customers" / ".archive" / (known_customers(home.settings)["acme"].archive or "")
    manifest = manifest_of(archive)
    assert manifest is not None
    assert {"files/sessions/flight.csv"} < {each.path for each in manifest.files}

    def cut(*_: object) -> Iterator[str]:
        raise LeftBehindError("the administrator's machine died")

    monkeypatch.setattr("pipelines.customers.withdrawal.drop_places", cut)
    cut_off = home.run("offboard", "acme", "--confirm", "acme")
    assert isinstance(cut_off.exception, LeftBehindError)
    assert f"removed: job analyze-acme ({job})" in cut_off.output
    assert published_for(workspace_client(home.settings), "acme") is None
    monkeypatch.undo()
    assert known_customers(home.settings)["acme"].state == "offboarding"
    left = home.run("offboard", "acme", "--confirm", "acme", "--actor", "ada")
    assert left.exit_code == 0, left.output
    assert "removed: schema prod.customer_acme" in left.output
    assert "removed: Dagster's partition acme" in left.output
    assert "acme is offboarded" in left.output
    assert home.partitions() == []
    assert not files.exists()
    assert not (warehouse / "customer_acme").exists()
    assert pq.read_table(archive / "tables" / "corrections").num_rows == 3
    assert (archive / "files" / "sessions" / "flight.csv").read_text() == "a session"

    engine = open_engine("sail", home.settings.tables)
    [kept] = all_customers(engine)
    engine.stop()
    assert (kept.state, kept.archive, kept.changed_by) == ("offboarded", archive.name, "ada")


def test_offboarding_a_stranger_names_the_remedy(home: Home) -> None:
    refused = home.run("offboard", "nobody")
    assert refused.exit_code == 1
    assert "There is no customer nobody: `pipelines customer list` shows all there are." in str(refused.exception)
