"""Fixtures of the landing zone's tests: a folder and a bucket, to which the same is done."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.landing import S3Prefix
from pipelines_tests.landing.bucket_server import BucketServer, BucketZone, bucket_server


class FolderZone:
    """A landing zone in a folder, with what uploaders do to it."""

    def __init__(self, folder: Path) -> None:
        self.address = folder

    def write(self, path: str, content: bytes = b"x") -> None:
        """Write a file at `<folder>/<path>`."""
        file = self.address / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)

    def remove(self, path: str) -> None:
        """Delete a file, and its folder with the last one, as in a bucket."""
        file = self.address / path
        file.unlink()
        if not any(file.parent.iterdir()):
            file.parent.rmdir()

    def read(self, path: str) -> bytes:
        """What a file holds now."""
        return (self.address / path).read_bytes()


Zone = FolderZone | BucketZone


@pytest.fixture(scope="session")
def server() -> Iterator[BucketServer]:
    """An S3 server for the whole test run."""
    with bucket_server() as started:
        yield started


@pytest.fixture
def s3(server: BucketServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> BucketServer:
    """The server, as this process's environment names it and nothing else of AWS."""
    for name, value in {
        "AWS_ENDPOINT_URL": server.endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": str(tmp_path / "aws-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "aws-credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    return server


@pytest.fixture
def bucket_zone(s3: BucketServer) -> BucketZone:
    """An empty landing zone below a prefix of a new bucket."""
    return BucketZone(s3, S3Prefix(s3.new_bucket(), "company/landing"))


@pytest.fixture(params=["folder", "bucket"])
def zone(request: pytest.FixtureRequest, tmp_path: Path) -> Zone:
    """An empty landing zone, once in a folder and once in a bucket."""
    if request.param == "folder":
        return FolderZone(tmp_path / "landing")
    return request.getfixturevalue("bucket_zone")
