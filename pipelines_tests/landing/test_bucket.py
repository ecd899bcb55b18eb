"""What only buckets have: pages, parts, marks of folders, free names, and answers that get lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from pipelines.landing import FileChangedError, S3Prefix, list_day, place, top_entries, uploads_at, uploads_by_name
from pipelines.tables.landed_files import LandedFile, list_landed, read_as_listed
from pipelines_tests.landing.bucket_server import BucketServer, BucketZone
from pipelines_tests.landing.wire import Wire, wire_to

DAY = date(2026, 3, 4)
PART = 5 * 1024 * 1024


@pytest.fixture
def wire(s3: BucketServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    """What the process's own clients talk to S3 through; `s3.client` does not."""
    with wire_to(s3.endpoint) as opened:
        monkeypatch.setenv("AWS_ENDPOINT_URL", opened.endpoint)
        yield opened


def _listed(zone: BucketZone) -> list[LandedFile]:
    return list_landed(zone.address / "sessions", DAY)


def test_every_page_of_a_large_day_is_listed(bucket_zone: BucketZone, wire: Wire):
    names = [f"sessions/2026-03-04/{number:05d}.csv" for number in range(3_500)]
    bucket_zone.write_many(names)
    bucket_zone.write_many([f"sessions/2026-03-05/{number:05d}.csv" for number in range(1_200)])
    assert [file.file_path for file in _listed(bucket_zone)] == [name.removeprefix("sessions/") for name in names]
    assert len([each for each in wire.requests if "list-type" in each]) == 4
    assert list_day(bucket_zone.address, "sessions", DAY).file_count == 3_500
    assert len(uploads_by_name(bucket_zone.address, "sessions")) == 3_500


def test_days_are_found_without_listing_their_files(bucket_zone: BucketZone, wire: Wire):
    for number in range(1, 31):
        bucket_zone.write_many(f"sessions/2026-03-{number:02d}/{name:04d}.csv" for name in range(100))
    assert top_entries(bucket_zone.address, "sessions") == [f"2026-03-{number:02d}" for number in range(1, 31)]
    assert len(wire.requests) == 1


def test_more_days_than_one_page_holds(bucket_zone: BucketZone):
    names = [f"{number:05d}" for number in range(1_300)]
    bucket_zone.write_many(f"sessions/{name}/a.csv" for name in names)
    assert top_entries(bucket_zone.address, "sessions") == names


def test_a_listing_goes_on_where_it_stopped(bucket_zone: BucketZone):
    bucket_zone.write_many(f"sessions/2026-03-04/{number:05d}.csv" for number in range(2_100))
    uploads = uploads_at(bucket_zone.address / "sessions")
    first = next(iter(uploads.pages("2026-03-04")))
    rest = list(uploads.pages("2026-03-04", first.last))
    assert [len(page.files) for page in (first, *rest)] == [1_000, 1_000, 100]
    assert len({file.file_path for page in (first, *rest) for file in page.files}) == 2_100


def test_marks_of_folders_are_no_uploads(bucket_zone: BucketZone):
    for key in ("sessions/", "sessions/2026-03-04/", "sessions/2026-03-04/device/", "sessions/2026-03-04_$folder$"):
        bucket_zone.write(key, b"")
    assert top_entries(bucket_zone.address, "sessions") == ["2026-03-04"]
    assert _listed(bucket_zone) == []
    bucket_zone.write("sessions/2026-03-04/empty.csv", b"")
    assert [file.file_path for file in _listed(bucket_zone)] == ["2026-03-04/empty.csv"]


def test_an_upload_in_parts_shows_up_when_it_is_complete(bucket_zone: BucketZone, tmp_path: Path):
    where = {"Bucket": bucket_zone.address.bucket, "Key": "company/landing/sessions/2026-03-04/large.csv"}
    client = bucket_zone.client
    upload = client.create_multipart_upload(**where)["UploadId"]
    content = b"a" * PART + b"the end"
    parts = []
    for number, part in enumerate((content[:PART], content[PART:]), start=1):
        etag = client.upload_part(**where, UploadId=upload, PartNumber=number, Body=part)["ETag"]
        parts.append({"PartNumber": number, "ETag": etag})
        assert _listed(bucket_zone) == []
        assert top_entries(bucket_zone.address, "sessions") == []
    client.complete_multipart_upload(**where, UploadId=upload, MultipartUpload={"Parts": parts})
    [file] = _listed(bucket_zone)
    assert file.file_version.endswith("-2"), "the ETag of an object in parts is no digest of its bytes"
    assert read_as_listed(file) == content
    source = tmp_path / "large.csv"
    source.write_bytes(content)
    assert place(source, bucket_zone.address, "sessions", DAY, {"large.csv": [file]}) is None
    source.write_bytes(content[:-1] + b"!")
    assert place(source, bucket_zone.address, "sessions", DAY, {"large.csv": [file]}) is not None


@pytest.mark.parametrize("name", ["../../secret.csv", "./a.csv", "x/../../../a.csv"])
def test_dots_lead_nowhere(bucket_zone: BucketZone, name: str):
    bucket_zone.write_many([f"sessions/2026-03-04/{name}", "sessions/secret.csv"])
    assert _listed(bucket_zone) == []


@pytest.mark.parametrize(
    "name", ["//double.csv", "control\x01.csv", "x" * 980, "s3://other/key.csv", "a@b.csv", "?versionId=1.csv"]
)
def test_names_that_no_folder_could_hold(bucket_zone: BucketZone, name: str):
    bucket_zone.write_many([f"sessions/2026-03-04/{name}"], b"odd")
    [file] = _listed(bucket_zone)
    assert file.file_path == f"2026-03-04/{name}"
    assert read_as_listed(file) == b"odd"


def test_a_whole_bucket_can_be_the_landing_zone(s3: BucketServer):
    zone = BucketZone(s3, S3Prefix(s3.new_bucket()))
    zone.write("sessions/2026-03-04/a.csv", b"1")
    assert top_entries(zone.address, "sessions") == ["2026-03-04"]
    assert [read_as_listed(file) for file in _listed(zone)] == [b"1"]


def test_an_object_overwritten_while_it_is_asked_for_is_never_a_mixture(bucket_zone: BucketZone, wire: Wire):
    bucket_zone.write("sessions/2026-03-04/a.csv", b"old" * 1000)
    [listed] = _listed(bucket_zone)
    wire.before = lambda _: bucket_zone.write("sessions/2026-03-04/a.csv", b"new" * 1000)
    with pytest.raises(FileChangedError):
        read_as_listed(listed)


def test_same_bytes_written_again_are_another_version_that_can_be_read_as_either(
    bucket_zone: BucketZone, monkeypatch: pytest.MonkeyPatch
):
    bucket_zone.write("sessions/2026-03-04/a.csv", b"1")
    [first] = _listed(bucket_zone)
    [stored] = bucket_zone.client.list_objects_v2(Bucket=bucket_zone.address.bucket)["Contents"]
    assert first.modified_ns == int(stored["LastModified"].timestamp()) * 10**9
    assert first.file_version == f"{first.modified_ns}-1-{stored['ETag'].strip(chr(34))}"
    bucket_zone.write("sessions/2026-03-04/a.csv", b"1")
    assert read_as_listed(first) == b"1"


def test_a_body_that_breaks_off_is_asked_for_again(bucket_zone: BucketZone, wire: Wire):
    bucket_zone.write("sessions/2026-03-04/a.csv", bytes(range(256)) * 400)
    [file] = _listed(bucket_zone)
    wire.faults = [("GET", "cut body"), ("GET", "internal error"), ("GET", "cut body")]
    assert read_as_listed(file) == bytes(range(256)) * 400
    assert wire.faults == []


def test_a_busy_bucket_is_waited_for(bucket_zone: BucketZone, wire: Wire):
    bucket_zone.write("sessions/2026-03-04/a.csv")
    wire.faults = [("GET", "slow down"), ("GET", "slow down")]
    assert [file.name for file in _listed(bucket_zone)] == ["a.csv"]
    assert wire.faults == []


def test_a_file_whose_placing_was_not_answered_is_there_once(bucket_zone: BucketZone, wire: Wire, tmp_path: Path):
    source = tmp_path / "log.csv"
    source.write_text("first")
    wire.faults = [("PUT", "lost answer"), ("PUT", "slow down")]
    placed = place(source, bucket_zone.address, "sessions", DAY, {})
    assert placed == bucket_zone.address / "sessions/2026-03-04/log.csv"
    assert wire.faults == []
    assert [file.name for file in _listed(bucket_zone)] == ["log.csv"]


def test_two_accounts_side_by_side(s3: BucketServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    zone = BucketZone(s3, S3Prefix(s3.new_bucket(), "zone", profile="uploads-reader"))
    zone.write("sessions/2026-03-04/a.csv", b"1")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    (tmp_path / "aws-credentials").write_text(
        "[uploads-reader]\naws_access_key_id = one\naws_secret_access_key = secret\n"
    )
    (tmp_path / "aws-config").write_text(
        f"[profile uploads-reader]\nregion = us-east-1\nendpoint_url = {s3.endpoint}\n"
    )
    [file] = _listed(zone)
    assert file.address == f"s3://uploads-reader@{zone.address.bucket}/zone/sessions/2026-03-04/a.csv"
    assert read_as_listed(file) == b"1"
