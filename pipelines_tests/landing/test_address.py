"""Addresses of landing zones, as people write them and as files carry them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.landing import InvalidAddressError, S3Prefix, landing_address
from pipelines.landing.address import object_address


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("s3://uploads", S3Prefix("uploads")),
        ("s3://uploads/", S3Prefix("uploads")),
        ("s3://uploads/company/landing/", S3Prefix("uploads", "company/landing")),
        ("s3://uploads-reader@uploads.example/zone", S3Prefix("uploads.example", "zone", "uploads-reader")),
        ("s3://uploads/a b/ü@x", S3Prefix("uploads", "a b/ü@x")),
    ],
)
def test_buckets(text: str, expected: S3Prefix):
    found = landing_address(text)
    assert found == expected
    assert landing_address(str(found)) == expected


def test_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert landing_address("uploads") == tmp_path / "uploads"
    assert landing_address(tmp_path) == tmp_path
    assert landing_address("~/uploads") == Path.home() / "uploads"


@pytest.mark.parametrize(
    "text",
    [
        "s3://",
        "s3:///zone",
        "s3://Uploads",
        "s3://a",
        "s3://u_p",
        "gs://uploads",
        "s3://uploads/a//b",
        "s3://uploads/../b",
    ],
)
def test_what_is_no_address_is_refused_with_the_form(text: str):
    with pytest.raises(InvalidAddressError, match=r"write s3://<bucket>/<prefix>|leave it out"):
        landing_address(text)


@pytest.mark.parametrize("key", ["a", "zone/a b", "zone//a@b.csv", "s3://x@y/z", "../a\n"])
@pytest.mark.parametrize("profile", [None, "reader"])
def test_an_objects_address_gives_its_key_back(key: str, profile: str | None):
    bucket = S3Prefix("uploads", profile=profile)
    assert object_address(f"{bucket}/{key}") == (bucket, key)


def test_below():
    below = S3Prefix("uploads", "zone", "reader") / "sessions" / "2026-03-04"
    assert str(below) == "s3://reader@uploads/zone/sessions/2026-03-04"
    assert (below.key_prefix, below.name) == ("zone/sessions/2026-03-04/", "2026-03-04")
    assert (S3Prefix("uploads") / "sessions").key_prefix == "sessions/"
    assert S3Prefix("uploads").key_prefix == ""
