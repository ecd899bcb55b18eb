"""A customer's files in a folder and in a bucket: read as listed, replaced without loss, and no link followed."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from pipelines.customers.bucket_files import BucketFiles
from pipelines.customers.files import CustomerFiles, customer_files
from pipelines.customers.folder_files import FolderFiles
from pipelines.customers.identifier import InvalidCustomerError
from pipelines.customers.places import NoCustomersError
from pipelines.environments import settings_from
from pipelines.landing.uploads import FileChangedError
from pipelines_tests.landing.conftest import BucketZone, FolderZone, Zone, bucket_zone, s3, server, zone

__all__ = ["bucket_zone", "s3", "server", "zone"]  # fixtures


@pytest.fixture
def files(zone: Zone) -> CustomerFiles:
    if isinstance(zone, FolderZone):
        zone.address.mkdir()
        return FolderFiles(zone.address)
    return BucketFiles(zone.address)


def test_whole_files_are_listed_below_a_folder(files: CustomerFiles, zone: Zone):
    for path in ("sessions/b.csv", "sessions/day/a.csv", "sessions/c.csv.part", "sessions/.d/e.csv", "inbox/r.json"):
        zone.write(path)
    assert [file.file_path for file in files.listed("sessions")] == ["sessions/b.csv", "sessions/day/a.csv"]
    assert [file.file_path for file in files.listed("inbox")] == ["inbox/r.json"]
    assert files.listed("reviews") == []


def test_a_file_is_found_by_its_path_and_read_as_it_was_found(files: CustomerFiles, zone: Zone):
    zone.write("sessions/day/a.csv", b"first")
    found = files.look("sessions/day/a.csv")
    assert found is not None
    assert found in files.listed("sessions")
    assert files.read(found) == b"first"
    zone.write("sessions/day/a.csv", b"second one")
    with pytest.raises(FileChangedError):
        files.read(found)
    for path in ("sessions/none.csv", "sessions/day", "none/a.csv", "sessions/day/a.csv/b", "sessions/" + "x" * 300):
        assert files.look(path) is None, path


def test_a_file_is_replaced_only_in_the_version_that_was_seen(files: CustomerFiles, zone: Zone):
    assert files.replace("inbox/s.json", b"1", None)
    assert not files.replace("inbox/s.json", b"2", None), "there is one"
    seen = files.look("inbox/s.json")
    assert files.replace("inbox/s.json", b"33", seen)
    assert not files.replace("inbox/s.json", b"4", seen), "it is another one by now"
    assert zone.read("inbox/s.json") == b"33"
    assert [file.file_path for file in files.listed("inbox")] == ["inbox/s.json"]


def test_of_many_writers_each_version_is_replaced_by_one(files: CustomerFiles, zone: Zone):
    files.replace("inbox/s.json", b"0", None)
    seen = files.look("inbox/s.json")
    won: list[int] = []

    def write(number: int) -> None:
        if files.replace("inbox/s.json", b"x" * (number + 2), seen):
            won.append(number)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(won) == 1
    assert zone.read("inbox/s.json") == b"x" * (won[0] + 2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of customer a, beside that of b, which holds a secret."""
    for customer in ("a", "b"):
        (tmp_path / customer / "sessions").mkdir(parents=True)
    (tmp_path / "b" / "sessions" / "secret.csv").write_text("canary")
    return tmp_path / "a"


@pytest.mark.parametrize("target", ["../../b/sessions/secret.csv", "{b}/sessions/secret.csv", "/etc/hostname"])
def test_a_link_to_a_file_is_no_file(folder: Path, target: str):
    link = folder / "sessions" / "mine.csv"
    link.symlink_to(target.format(b=folder.parent / "b"))
    files = FolderFiles(folder)
    assert files.look("sessions/mine.csv") is None
    assert files.listed("sessions") == []


def test_a_link_to_a_folder_leads_nowhere(folder: Path):
    (folder / "sessions" / "day").symlink_to(folder.parent / "b" / "sessions")
    files = FolderFiles(folder)
    assert files.listed("sessions") == []
    assert files.look("sessions/day/secret.csv") is None
    assert files.look("../b/sessions/secret.csv") is not None, "names are for requests to refuse"


def test_a_link_put_in_the_place_of_a_listed_file_is_not_read(folder: Path):
    mine = folder / "sessions" / "mine.csv"
    mine.write_text("canarx")
    files = FolderFiles(folder)
    [listed] = files.listed("sessions")
    mine.unlink()
    secret = folder.parent / "b" / "sessions" / "secret.csv"
    os.utime(secret, ns=(listed.modified_ns, listed.modified_ns))
    mine.symlink_to(secret)
    with pytest.raises(OSError, match="symbolic links"):
        files.read(listed)


def test_a_status_replaces_a_link_and_not_what_it_leads_to(folder: Path):
    secret = folder.parent / "b" / "sessions" / "secret.csv"
    (folder / "inbox").mkdir()
    (folder / "inbox" / "r.status.json").symlink_to(secret)
    assert FolderFiles(folder).replace("inbox/r.status.json", b"{}", None)
    assert secret.read_text() == "canary"
    assert (folder / "inbox" / "r.status.json").read_bytes() == b"{}"


def test_an_inbox_that_is_a_link_is_refused(folder: Path):
    (folder.parent / "b" / "inbox").mkdir()
    (folder.parent / "b" / "inbox" / "theirs.json").write_text("{}")
    (folder / "inbox").symlink_to(folder.parent / "b" / "inbox")
    assert FolderFiles(folder).listed("inbox") == []
    with pytest.raises(OSError):
        FolderFiles(folder).replace("inbox/r.status.json", b"{}", None)
    assert [file.name for file in (folder.parent / "b" / "inbox").iterdir()] == ["theirs.json"]


def test_a_pipe_is_no_file_and_keeps_nobody_waiting(folder: Path):
    os.mkfifo(folder / "sessions" / "pipe.csv")
    files = FolderFiles(folder)
    assert files.look("sessions/pipe.csv") is None
    assert files.listed("sessions") == []


def test_whose_files_they_are_is_decided_by_an_identifier_alone(tmp_path: Path):
    production = settings_from({"PIPELINES_HOME": str(tmp_path)}, "production")
    assert customer_files(production, "acme") == FolderFiles(tmp_path / "customers" / "acme")
    for name in ("../b", "a;DROP", "Acme", "acme_", "", "x" * 300, "асme"):
        with pytest.raises(InvalidCustomerError):
            customer_files(production, name)
    with pytest.raises(NoCustomersError, match="PIPELINES_CUSTOMERS"):
        customer_files(settings_from({"PIPELINES_HOME": str(tmp_path)}), "acme")


def test_buckets_are_used_as_the_settings_name_them(tmp_path: Path, bucket_zone: BucketZone):
    variables = {"PIPELINES_HOME": str(tmp_path), "PIPELINES_CUSTOMERS": str(bucket_zone.address)}
    files = customer_files(settings_from(variables, "production"), "acme")
    assert files == BucketFiles(bucket_zone.address / "acme")
