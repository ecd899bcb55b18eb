from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from pipelines.releases.git.commit_status import (
    NotPosted,
    Posted,
    StatusTarget,
    post_status,
    repository_name,
)
from pipelines_tests.releases.git.hub import Hub

COMMIT = "a" * 40
TOKEN = "s3cret-t0ken"


@pytest.fixture
def hub() -> Iterator[Hub]:
    made = Hub()
    yield made
    made.close()


@pytest.fixture
def target(hub: Hub) -> StatusTarget:
    return StatusTarget("flight/models", TOKEN, "release/production", hub.url)


def test_what_github_gets(hub: Hub, target: StatusTarget):
    link = "https://dagster.example.org/runs/1"
    assert post_status(target, COMMIT, "pending", "Training 3 models.", link) == Posted()
    assert hub.requests == [
        {
            "path": f"/repos/flight/models/statuses/{COMMIT}",
            "token": f"Bearer {TOKEN}",
            "state": "pending",
            "context": "release/production",
            "description": "Training 3 models.",
            "target_url": link,
        }
    ]


def test_a_long_description_is_cut_and_no_odd_link_sent(hub: Hub, target: StatusTarget):
    post_status(target, COMMIT, "failure", "rmse\n" + "x" * 300, "javascript:alert(1)")
    assert len(hub.requests[0]["description"]) == 140
    assert hub.requests[0]["description"].startswith("rmse xxx")
    assert "target_url" not in hub.requests[0]


@pytest.mark.parametrize(
    ("status", "headers", "again", "says"),
    [
        (401, {}, False, "Renew the token"),
        (403, {}, False, "right to write commit statuses"),
        (403, {"X-RateLimit-Remaining": "0"}, True, "limit of requests"),
        (404, {}, False, "repository's name"),
        (422, {}, False, "does not know the commit"),
        (429, {}, True, "429"),
        (500, {}, True, "500"),
        (503, {}, True, "503"),
    ],
)
def test_refusals_are_told_with_what_github_says(hub: Hub, target: StatusTarget, status, headers, again, says):
    hub.status, hub.headers = status, headers
    found = post_status(target, COMMIT, "success", "Released.", None)
    assert isinstance(found, NotPosted)
    assert found.try_again is again
    assert says in found.why
    assert "Bad credentials" in found.why
    assert TOKEN not in found.why


def test_an_answer_that_is_no_json(hub: Hub, target: StatusTarget):
    hub.status, hub.body = 502, b"<html>"
    assert post_status(target, COMMIT, "success", "x", None) == NotPosted(
        f"{hub.url.removeprefix('http://')} answered 502 for flight/models.", True
    )


def test_a_redirect_does_not_get_the_token(hub: Hub, target: StatusTarget):
    hub.status, hub.headers = 302, {"Location": f"{hub.url}/elsewhere"}
    found = post_status(target, COMMIT, "success", "x", None)
    assert isinstance(found, NotPosted)
    assert "has moved" in found.why
    assert len(hub.requests) == 1


def test_nobody_there_and_nobody_answering(hub: Hub, target: StatusTarget):
    hub.close()
    found = post_status(target, COMMIT, "success", "x", None)
    assert isinstance(found, NotPosted)
    assert found.try_again
    with socket.create_server(("127.0.0.1", 0)) as silent:
        api = f"http://127.0.0.1:{silent.getsockname()[1]}"
        started = time.monotonic()
        found = post_status(StatusTarget("a/b", TOKEN, "c", api), COMMIT, "success", "x", None, seconds=0.5)
        assert time.monotonic() - started < 2
    assert isinstance(found, NotPosted)
    assert found.try_again


def test_an_answer_that_drips_is_left_in_time(hub: Hub, target: StatusTarget):
    hub.drips = True
    started = time.monotonic()
    found = post_status(target, COMMIT, "success", "x", None, seconds=0.7)
    assert time.monotonic() - started < 2
    assert found == NotPosted(f"{hub.url.removeprefix('http://')} did not answer within 0.7 s.", True)


@pytest.mark.parametrize("api", ["", "nonsense", "ftp://host", "http://[broken"])
def test_settings_that_are_none_raise_nothing(api: str):
    assert isinstance(post_status(StatusTarget("a/b", TOKEN, "c", api), COMMIT, "success", "x", None), NotPosted)


def test_a_token_that_cannot_be_sent_raises_nothing(hub: Hub):
    for token in ("line\nbreak", "ümlaut€"):
        found = post_status(StatusTarget("a/b", token, "c", hub.url), COMMIT, "success", "x", None)
        assert isinstance(found, NotPosted)
        assert token not in found.why


def test_the_token_is_not_in_the_target_as_it_is_shown(target: StatusTarget):
    assert TOKEN not in repr(target)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://github.com/flight/models.git", "flight/models"),
        ("https://github.com/flight/models", "flight/models"),
        ("git@github.com:flight/models.git", "flight/models"),
        ("ssh://git@github.com/flight/models.git", "flight/models"),
        ("/srv/git/flight/models.git", None),
        ("file:///srv/git/flight/models.git", None),
    ],
)
def test_the_repository_of_an_address(url: str, name: str | None):
    assert repository_name(url) == name
