"""A bucket that cannot be used fails whoever asks, in words that name it and the remedy."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import boto3.session
import pytest

from pipelines.landing import LandingUnavailableError, S3Prefix, place, top_entries
from pipelines.tables.landed_files import list_landed, read_as_listed
from pipelines_tests.landing.bucket_server import ACCOUNT, BucketServer, BucketZone
from pipelines_tests.landing.wire import Wire, wire_to

DAY = date(2026, 3, 4)
DOCUMENT = Path(__file__).parents[2] / "docs" / "landing-zone.md"


@pytest.fixture
def wire(s3: BucketServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    with wire_to(s3.endpoint) as opened:
        monkeypatch.setenv("AWS_ENDPOINT_URL", opened.endpoint)
        yield opened


def _everything(zone: BucketZone, tmp_path: Path) -> dict[str, Callable[[], Any]]:
    """All that one can ask of a landing zone, an object in it being listed already."""
    zone.write("sessions/2026-03-04/a.csv")
    [file] = list_landed(zone.address / "sessions", DAY)
    source = tmp_path / "log.csv"
    source.write_text("x")
    return {
        "list": lambda: list_landed(zone.address / "sessions", DAY),
        "entries": lambda: top_entries(zone.address, "sessions"),
        "read": lambda: read_as_listed(file),
        "add": lambda: place(source, zone.address, "sessions", DAY, {}),
    }


def _message(ask: Callable[[], Any]) -> str:
    with pytest.raises(LandingUnavailableError) as error:
        ask()
    return str(error.value)


@pytest.mark.parametrize("asked", ["list", "entries", "read", "add"])
def test_an_unreachable_endpoint(bucket_zone: BucketZone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: str):
    ask = _everything(bucket_zone, tmp_path)[asked]
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{closed.getsockname()[1]}"
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        message = _message(ask)
    for words in (
        bucket_zone.address.bucket,
        "company/landing/sessions/",
        endpoint,
        "not reachable",
        "Check the network",
    ):
        assert words in message


@pytest.mark.parametrize("asked", ["list", "entries", "read", "add"])
def test_a_bucket_that_stays_busy(bucket_zone: BucketZone, wire: Wire, tmp_path: Path, asked: str):
    ask = _everything(bucket_zone, tmp_path)[asked]
    wire.faults = [(method, "slow down") for method in ("GET", "PUT") for _ in range(20)]
    message = _message(ask)
    assert "S3 asks to slow down" in message
    assert "SlowDown" in message
    assert bucket_zone.address.bucket in message


def test_a_bucket_in_another_region(bucket_zone: BucketZone, wire: Wire):
    wire.faults = [(method, "other region") for method in ("GET", "HEAD") for _ in range(10)]
    message = _message(lambda: top_entries(bucket_zone.address, "sessions"))
    assert "another region. Set AWS_REGION" in message
    assert "us-east-1" in message


def test_a_bucket_that_does_not_exist(s3: BucketServer):
    message = _message(lambda: top_entries(S3Prefix("nowhere", "zone"), "sessions"))
    assert "bucket 'nowhere', prefix 'zone/sessions/'" in message
    assert "create the bucket" in message


def test_no_credentials(bucket_zone: BucketZone, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert "there are no credentials. Set AWS_ACCESS_KEY_ID" in _message(
        lambda: top_entries(bucket_zone.address, "sessions")
    )


def test_a_profile_that_does_not_exist(s3: BucketServer):
    message = _message(lambda: top_entries(S3Prefix("uploads", "zone", profile="ghost"), "sessions"))
    assert "profile 'ghost'" in message
    assert "Correct PIPELINES_LANDING" in message


class _Principals:
    """IAM users of the test account; from `enforce` on, S3 checks signatures and policies."""

    def __init__(self, s3: BucketServer) -> None:
        session = boto3.session.Session("test", "test", region_name="us-east-1")
        self._iam: Any = session.client("iam", endpoint_url=s3.endpoint)

    def user(self, name: str, policy: dict[str, Any]) -> dict[str, str]:
        """A new user who may do what the policy says; its credentials as environment variables."""
        self._iam.create_user(UserName=name)
        self._iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=json.dumps(policy))
        key = self._iam.create_access_key(UserName=name)["AccessKey"]
        return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}

    def forget(self, name: str) -> None:
        for key in self._iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
            self._iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
        self._iam.delete_user_policy(UserName=name, PolicyName="all")
        self._iam.delete_user(UserName=name)


@pytest.fixture
def principals(s3: BucketServer) -> _Principals:
    return _Principals(s3)


@pytest.fixture
def enforce(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From its call on every request needs a known signature and a policy that allows it."""
    return lambda: monkeypatch.setattr("moto.settings.INITIAL_NO_AUTH_ACTION_COUNT", 0)


def _documented(number: int, bucket: str) -> dict[str, Any]:
    """The n-th policy in the documentation, for that bucket."""
    blocks = re.findall(r"```json\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    policy = json.loads(blocks[number].replace("<bucket>", bucket).replace("<prefix>", "company/landing"))
    for statement in policy["Statement"]:
        statement.pop("Condition", None)  # moto does not know what conditions are about, and would refuse
    return policy


def _as(monkeypatch: pytest.MonkeyPatch, credentials: dict[str, str]) -> None:
    for name, value in credentials.items():
        monkeypatch.setenv(name, value)


def test_documented_reader_reads_and_cannot_write(
    bucket_zone: BucketZone, principals: _Principals, enforce: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
):  # fmt: skip
    asked = _everything(bucket_zone, tmp_path)
    _as(monkeypatch, principals.user("reader", _documented(0, bucket_zone.address.bucket)))
    enforce()
    assert asked["entries"]() == ["2026-03-04"]
    assert [file.name for file in asked["list"]()] == ["a.csv"]
    assert asked["read"]() == b"x"
    message = _message(asked["add"])
    assert "access is denied. Allow this principal s3:ListBucket" in message
    assert "AccessDenied" in message


def test_documented_uploader_adds(
    bucket_zone: BucketZone, principals: _Principals, enforce: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
):  # fmt: skip
    asked = _everything(bucket_zone, tmp_path)
    _as(monkeypatch, principals.user("uploader", _documented(1, bucket_zone.address.bucket)))
    enforce()
    assert asked["add"]() == bucket_zone.address / "sessions/2026-03-04/log.csv"


@pytest.mark.parametrize("asked", ["list", "entries", "read"])
def test_nothing_allowed(
    bucket_zone: BucketZone, principals: _Principals, enforce: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, asked: str,
):  # fmt: skip
    ask = _everything(bucket_zone, tmp_path)[asked]
    other = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}]}
    _as(monkeypatch, principals.user(f"stranger-{asked}", other))
    enforce()
    message = _message(ask)
    assert "access is denied" in message
    assert f"bucket {bucket_zone.address.bucket!r}, prefix 'company/landing/sessions/" in message


def test_an_unknown_key(bucket_zone: BucketZone, enforce: Callable[[], None]):
    enforce()
    message = _message(lambda: top_entries(bucket_zone.address, "sessions"))
    assert "credentials are unknown or have expired" in message
    assert ACCOUNT not in message
