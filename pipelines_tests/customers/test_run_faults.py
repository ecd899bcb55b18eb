"""Faults while a run carries requests out: something is away for a while, full, or far too large."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from pipelines.customers.archive_manifest import manifest_of
from pipelines.customers.offboarding import archive_customer
from pipelines.customers.session_reading import upload_day_of
from pipelines.engines.engine import Engine
from pipelines.landing.uploads import LandedFile
from pipelines_tests.customers.conftest import CustomerFolder
from pipelines_tests.customers.made_customer import made_customer
from pipelines_tests.customers.small_models import SmallModels, carried_out, rows
from pipelines_tests.memory_peak import MemoryPeak
from pipelines_tests.small_disk import full, small_disk
from pipelines_tests.tables.killed_run import acting_at

pytestmark = pytest.mark.slow

GIGABYTE = 1 << 30


@pytest.fixture
def small_warehouse(tmp_path: Path) -> Iterator[Path]:
    """The tables of this test on a small disk."""
    with small_disk(tmp_path / "warehouse", 64) as disk:
        yield disk


def assert_once(models: SmallModels, acme: CustomerFolder, request: str) -> None:
    """The request is done, and what it led to is there once."""
    assert acme.status(request).state == "done"
    engine = models.engine
    assert rows(engine, "sessions", "status") == [("ready",)]
    assert rows(engine, "flight_samples", "second") == [(second,) for second in range(600)]
    assert rows(engine, "analysed_sessions", "model", "status", "finding_count") == [("small_fast", "judged", 6)]
    assert len(rows(engine, "analysis", "finding")) == 6


def test_a_registry_that_is_away_is_no_answer(fast: SmallModels, acme: CustomerFolder):
    acme.session("a.csv")
    acme.request("one.json", "a.csv")
    registry = fast.settings.registry_uri.removeprefix("sqlite:///")
    with closing(sqlite3.connect(registry, isolation_level=None)) as held:
        held.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Exception, match="database is locked"):
            carried_out(fast, "one.json")
    assert acme.status("one.json").state == "running"
    assert rows(fast.engine, "analysed_sessions", "model") == []
    carried_out(fast, "one.json")
    assert_once(fast, acme, "one.json")


@pytest.mark.parametrize(
    ("folder", "point"),
    [
        ("warehouse", "pipelines.customers.analysis#given_tables:before:1"),
        ("scratch", "pipelines.customers.predicting#predictions_of:before:1"),  # what the model was given of them
    ],
)
def test_tables_that_are_away_while_a_model_judges_are_not_held_against_it(
    fast: SmallModels, acme: CustomerFolder, tmp_path: Path, folder: str, point: str
):
    fast.settings = replace(fast.settings, scratch=tmp_path / "scratch")
    acme.session("a.csv")
    acme.request("one.json", "a.csv")

    def taken_away() -> None:
        parts = [part for part in (tmp_path / folder).rglob("*.parquet") if "flight_samples" in str(part)]
        assert parts
        for part in parts:
            part.rename(part.with_suffix(".away"))

    told = r"not found|No such file|does not exist|missing from the schema"
    with acting_at(point, taken_away), pytest.raises(Exception, match=told):
        carried_out(fast, "one.json")
    assert acme.status("one.json").state == "running"
    assert rows(fast.engine, "analysed_sessions", "status") == []
    for part in tmp_path.rglob("*.away"):
        part.rename(part.with_suffix(".parquet"))
    carried_out(fast, "one.json")
    assert_once(fast, acme, "one.json")


@pytest.mark.parametrize("when", ["1 of 1 sessions judged", "1 of 1 review pages written"])
def test_a_full_disk_of_the_customer_leaves_no_page_and_no_answer_half_written(
    fast: SmallModels, acme: CustomerFolder, when: str
):
    with small_disk(acme.root, 4), ExitStack() as filled:
        own = CustomerFolder(acme.root)
        own.session("a.csv")
        own.request("one.json", "a.csv")
        told: list[str] = []

        def fill(said: str) -> None:
            told.append(said)
            if said.endswith(when):
                filled.enter_context(full(acme.root))

        with pytest.raises(OSError, match="No space left"):
            carried_out(fast, "one.json", progress=fill)
        assert own.status("one.json").state == "running"
        pages = [f"{own.id_of('a.csv')}.html"] if "pages" in when else []
        assert [file.name for file in (own.root / "reviews").iterdir()] == pages
        assert sorted(file.name for file in (own.root / "inbox").iterdir()) == ["one.json", "one.status.json"]
        filled.close()
        again = carried_out(fast, "one.json")
        assert [one.is_new for one in again.analysed.values()] == [False], "judged before the disk was full"
        assert_once(fast, own, "one.json")
        assert (own.root / str(own.status("one.json").sessions[0].review_page)).read_text().endswith("</html>\n")


def test_a_full_disk_of_the_tables_fails_the_run_and_leaves_no_half_a_session(
    small_warehouse: Path, fast: SmallModels, acme: CustomerFolder
):
    acme.session("a.csv")
    acme.request("one.json", "a.csv")
    with full(small_warehouse), pytest.raises(Exception, match="No space left"):
        carried_out(fast, "one.json")
    assert acme.status("one.json").state == "running"
    with ExitStack() as filled:

        def fill(said: str) -> None:
            if said.endswith("session files read"):
                filled.enter_context(full(small_warehouse))

        with pytest.raises(Exception, match="No space left"):
            carried_out(fast, "one.json", progress=fill)
    assert acme.status("one.json").state == "running"
    carried_out(fast, "one.json")
    assert_once(fast, acme, "one.json")


def test_a_full_disk_of_the_archives_is_no_archive_and_the_next_one_goes_on(engine: Engine, tmp_path: Path):
    own, archives = made_customer(engine, tmp_path), tmp_path / "customers" / ".archive"
    with small_disk(archives, 1), ExitStack() as filled:

        def fill(said: str) -> None:
            if "judgements" in said or "analysed_sessions" in said:
                filled.enter_context(full(archives))

        with pytest.raises(OSError, match="No space left"):
            archive_customer(own, archives, "ada", fill)
        [begun] = [folder for folder in archives.iterdir() if folder.is_dir()]
        assert manifest_of(begun) is None
        assert not list(begun.rglob("*.part")), "nothing half-written"
        assert own.files.is_dir()
        filled.close()
        done = archive_customer(own, archives, "ada")
        assert (done.made_now, done.manifest.name) == (True, begun.name)
        assert {table.row_count for table in done.manifest.tables} == {0, 3}


def test_a_session_of_any_time_has_a_day_that_a_table_can_hold(fast: SmallModels, acme: CustomerFolder):
    acme.session("a.csv")
    os.utime(acme.root / "sessions" / "a.csv", (-3e8, -3e8))  # 1960
    carried_out(fast, acme.request("one.json", "a.csv"))
    assert_once(fast, acme, "one.json")
    assert rows(fast.engine, "sessions", "upload_day") == [(date(1970, 1, 1),)]
    beyond = LandedFile("sessions/a.csv", f"{10**22}-5", 5, "")  # the year 318,857, which some file systems keep
    assert upload_day_of(beyond) == date(9999, 12, 31)


def test_a_session_of_a_gigabyte_is_refused_unread_and_the_other_is_judged(fast: SmallModels, acme: CustomerFolder):
    acme.session("a.csv")
    huge = acme.root / "sessions" / "huge.csv"
    huge.touch()
    os.truncate(huge, GIGABYTE)
    carried_out(fast, acme.request("warm.json", "a.csv"))
    peak = MemoryPeak()
    carried_out(fast, acme.request("both.json", "a.csv", "huge.csv"), acme.request("huge.json", "huge.csv"))
    assert peak.bytes < GIGABYTE // 4
    both, alone = acme.status("both.json"), acme.status("huge.json")
    reason = "huge.csv has 1,073,741,824 bytes; a session file has at most 268,435,456. Export the sessions one by one."
    assert [(one.session, one.status, one.reason) for one in both.sessions] == [
        ("a.csv", "unchanged", None),
        ("huge.csv", "quarantined", reason),
    ]
    assert (both.state, alone.state) == ("done", "failed")
    assert alone.why == f"No session of the request could be read. {reason}"


def test_a_request_that_grew_to_a_gigabyte_is_not_read(fast: SmallModels, acme: CustomerFolder):
    acme.session("a.csv")
    acme.request("grown.json", "a.csv")
    os.truncate(acme.root / "inbox" / "grown.json", GIGABYTE)
    peak = MemoryPeak()
    found = carried_out(fast, acme.request("one.json", "a.csv"), "grown.json")
    assert peak.bytes < GIGABYTE // 4
    assert [status.request for status in found.answers] == ["one.json"]
    assert not acme.status_file("grown.json").exists(), "the sensor answers it, which sees that it is another one now"
