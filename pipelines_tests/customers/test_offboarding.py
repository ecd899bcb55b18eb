"""Archiving and removing what belongs to a customer: nothing goes that is not archived, and no crash loses a thing."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipelines.customers import archive_files, offboarding
from pipelines.customers.archive import Belongings, verified, write_archive
from pipelines.customers.archive_files import ChangedMeanwhileError
from pipelines.customers.archive_manifest import BrokenArchiveError, manifest_of
from pipelines.customers.offboarding import NotArchivedError, archive_customer, close_customer, remove_customer
from pipelines.customers.onboarding import onboard
from pipelines.customers.places import schema_of
from pipelines.customers.registry import UnknownCustomerError, customer_of, find_customer
from pipelines.engines.engine import Engine
from pipelines.tables.contracts.customers import customer_contracts
from pipelines_tests.customers.made_customer import add_rows, made_customer


@pytest.fixture
def archives(tmp_path: Path) -> Path:
    return tmp_path / "customers" / ".archive"


def _tables(engine: Engine, customer: str) -> list[str]:
    return [each.name.table for each in customer_contracts(schema_of(customer)) if engine.exists(each.name)]


def _files(own: Belongings) -> list[str]:
    return sorted(path.relative_to(own.files).as_posix() for path in own.files.rglob("*") if path.is_file())


def test_an_archive_holds_every_row_and_every_byte(engine: Engine, tmp_path: Path, archives: Path) -> None:
    own = made_customer(engine, tmp_path)
    before = engine.table(customer_contracts(schema_of("acme"))[-1].name).toArrow().sort_by("correction_id")
    done = archive_customer(own, archives, "ada")
    archive = archives / done.manifest.name
    found = pq.read_table(archive / "tables" / "corrections").sort_by("correction_id")
    assert found.to_pylist() == before.to_pylist()
    assert {table.name.rpartition(".")[2]: table.row_count for table in done.manifest.tables} == {
        "sessions": 0, "flight_samples": 0, "approaches": 0, "analysis": 0, "analysed_sessions": 3, "corrections": 3,
    }  # fmt: skip
    assert pq.read_table(archive / "tables" / "sessions").num_rows == 0
    assert (archive / "files" / "sessions" / "2026" / "flight Ä.csv").read_bytes() == b"\x00\xff" * 1000
    assert (archive / "files" / "reviews" / "a.html.part").read_text() == "unfinished", "it may be all there is"
    assert manifest_of(archive) == done.manifest
    assert verified("acme", archive) == done.manifest
    assert _files(own) == ["inbox/request.json", "reviews/a.html.part", "sessions/2026/flight Ä.csv"]
    with pytest.raises(UnknownCustomerError, match="offboarding"):
        customer_of(engine, "acme")


def test_links_are_noted_and_never_followed(engine: Engine, tmp_path: Path, archives: Path) -> None:
    other = made_customer(engine, tmp_path, "birch")
    own = made_customer(engine, tmp_path)
    (own.files / "inbox" / "theirs").symlink_to(other.files)
    (own.files / "inbox" / "one.json").symlink_to(other.files / "inbox" / "request.json")
    os.mkfifo(own.files / "inbox" / "pipe")
    done = archive_customer(own, archives, "ada")
    assert done.manifest.left_out == ("inbox/one.json", "inbox/pipe", "inbox/theirs")
    texts = [path.read_bytes() for path in (archives / done.manifest.name).rglob("*") if path.is_file()]
    assert not [text for text in texts if b"birch" in text]
    assert [line.split()[0] for line in remove_customer(own, archives, "ada")] == ["table"] * 6 + ["3"]
    assert list(own.files.iterdir()) == []
    assert len(_files(other)) == 3
    assert len(_tables(engine, "birch")) == 6


def test_archiving_twice_keeps_the_first_unless_something_changed(
    engine: Engine, tmp_path: Path, archives: Path
) -> None:
    own = made_customer(engine, tmp_path)
    first = archive_customer(own, archives, "ada")
    second = archive_customer(own, archives, "ada")
    assert (first.made_now, second.made_now) == (True, False)
    assert first.manifest == second.manifest
    add_rows(engine, "acme", 1, first=10)
    third = archive_customer(own, archives, "ada")
    assert third.made_now
    assert third.manifest.name != first.manifest.name
    (own.files / "inbox" / "late.json").write_text("{}")
    fourth = archive_customer(own, archives, "ada")
    assert (archives / fourth.manifest.name / "files" / "inbox" / "late.json").read_text() == "{}"
    assert len(list(archives.iterdir())) == 3, "what was archived before is kept"


def test_nothing_is_removed_that_changed_since(engine: Engine, tmp_path: Path, archives: Path) -> None:
    own = made_customer(engine, tmp_path)
    with pytest.raises(NotArchivedError, match="active"):
        list(remove_customer(own, archives, "ada"))
    archive_customer(own, archives, "ada")
    (own.files / "inbox" / "late.json").write_text("{}")
    with pytest.raises(ChangedMeanwhileError, match=r"inbox/late\.json came"):
        list(remove_customer(own, archives, "ada"))
    (own.files / "inbox" / "late.json").unlink()
    add_rows(engine, "acme", 1, first=10)
    with pytest.raises(ChangedMeanwhileError, match=r"prod\.customer_acme\.\w+ was written to"):
        list(remove_customer(own, archives, "ada"))
    assert len(_tables(engine, "acme")) == 6
    assert len(_files(own)) == 3


@pytest.mark.parametrize("harm", ["file", "table", "missing", "manifest", "other customer"])
def test_nothing_is_removed_from_a_broken_archive(engine: Engine, tmp_path: Path, archives: Path, harm: str) -> None:
    own = made_customer(engine, tmp_path)
    archive = archives / archive_customer(own, archives, "ada").manifest.name
    if harm == "file":
        (archive / "files" / "inbox" / "request.json").write_text("other")
    elif harm == "table":
        part = next((archive / "tables" / "corrections").iterdir())
        part.write_bytes(part.read_bytes()[:-1] + b"x")
    elif harm == "missing":
        (archive / "files" / "sessions" / "2026" / "flight Ä.csv").unlink()
    elif harm == "manifest":
        (archive / "manifest.json").unlink()
    else:
        manifest = archive / "manifest.json"
        manifest.write_text(manifest.read_text().replace('"customer": "acme"', '"customer": "birch"'))
    with pytest.raises(BrokenArchiveError, match="archive again"):
        list(remove_customer(own, archives, "ada"))
    assert len(_tables(engine, "acme")) == 6
    assert len(_files(own)) == 3
    again = archive_customer(own, archives, "ada")
    assert again.made_now
    assert len(list(remove_customer(own, archives, "ada"))) == 7


class _Cut(BaseException):
    """The process dies here."""


@pytest.mark.parametrize("at", [1, 4, 7, 9])
def test_archiving_that_is_cut_off_goes_on(
    engine: Engine, tmp_path: Path, archives: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    own = made_customer(engine, tmp_path)
    calls = 0
    real = archive_files.chunks_of

    def dying(path: Path) -> Iterator[bytes]:
        nonlocal calls
        calls += 1
        if calls == at:
            raise _Cut
        return real(path)

    monkeypatch.setattr(archive_files, "chunks_of", dying)
    with pytest.raises(_Cut):
        archive_customer(own, archives, "ada")
    monkeypatch.undo()
    with pytest.raises(BrokenArchiveError, match="no complete archive"):
        list(remove_customer(own, archives, "ada"))
    done = archive_customer(own, archives, "ada")
    assert [path.name for path in archives.iterdir()] == [done.manifest.name], "it went on with what was begun"
    assert not list(archives.rglob("*.part.part"))
    assert len(list(remove_customer(own, archives, "ada"))) == 7


@pytest.mark.parametrize("steps", [0, 1, 4, 6, 7])
def test_removal_that_is_cut_off_goes_on(engine: Engine, tmp_path: Path, archives: Path, steps: int) -> None:
    own = made_customer(engine, tmp_path)
    first = archive_customer(own, archives, "ada")
    removal = remove_customer(own, archives, "ada")
    assert isinstance(removal, Generator)
    told = [next(removal) for _ in range(min(steps, 7))]
    removal.close()
    again = archive_customer(own, archives, "ada")
    if steps:
        assert (again.made_now, again.manifest) == (False, first.manifest), "what is gone is not archived again"
    told += list(remove_customer(own, archives, "ada"))
    assert sorted(set(told)) == sorted(told), "nothing is told as removed twice"
    assert len(told) == 7
    assert _tables(engine, "acme") == []
    assert _files(own) == []
    assert verified("acme", archives / first.manifest.name) == first.manifest


def test_closing_comes_last_and_once(engine: Engine, tmp_path: Path, archives: Path) -> None:
    own = made_customer(engine, tmp_path)
    with pytest.raises(NotArchivedError):
        close_customer(engine, "acme", "ada")
    archived = archive_customer(own, archives, "ada").customer
    list(remove_customer(own, archives, "ada"))
    closed = close_customer(engine, "acme", "grace")
    assert (closed.state, closed.archive, closed.changed_by) == ("offboarded", archived.archive, "grace")
    assert close_customer(engine, "acme", "someone") == closed
    assert find_customer(engine, "acme") == closed


def test_a_customer_can_come_back(engine: Engine, tmp_path: Path, archives: Path) -> None:
    own = made_customer(engine, tmp_path)
    first = archive_customer(own, archives, "ada")
    list(remove_customer(own, archives, "ada"))
    close_customer(engine, "acme", "ada")
    back = onboard(engine, "acme", {"cost_center": "new"}, own.files, "ada")
    assert (back.state, back.cost_center, back.onboarded_at) == ("active", "new", first.customer.onboarded_at)
    add_rows(engine, "acme", 1)
    second = archive_customer(own, archives, "ada")
    assert second.manifest.name != first.manifest.name
    assert len(list(remove_customer(own, archives, "ada"))) == 6, "no file came since"


def test_offboarding_a_stranger_says_so(engine: Engine, tmp_path: Path, archives: Path) -> None:
    own = Belongings(engine, "nobody", tmp_path / "customers" / "nobody", tmp_path / "scratch")
    for attempt in (
        lambda: archive_customer(own, archives, "ada"),
        lambda: list(remove_customer(own, archives, "ada")),
        lambda: close_customer(engine, "nobody", "ada"),
    ):
        with pytest.raises(UnknownCustomerError, match="no customer nobody"):
            attempt()
    assert not archives.exists()


def test_what_keeps_changing_is_not_archived_for_ever(
    engine: Engine, tmp_path: Path, archives: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = made_customer(engine, tmp_path)
    tries = 0

    def restless(given: Belongings, archive: Path, _: object) -> object:
        nonlocal tries
        tries += 1
        written = given.files / "inbox" / f"{tries}.json"

        def say(_said: str) -> None:
            written.write_text("{}")

        return write_archive(given, archive, say)

    monkeypatch.setattr(offboarding, "write_archive", restless)
    with pytest.raises(ChangedMeanwhileError, match="archive again"):
        archive_customer(own, archives, "ada")
    assert tries == 3
    assert not list(archives.rglob("manifest.json"))
