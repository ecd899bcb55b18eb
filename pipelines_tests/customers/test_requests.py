"""Requests as customers may write them, by mistake or on purpose: taken as meant, or refused in words."""

from __future__ import annotations

import json
import unicodedata

import pytest

from pipelines.customers.requests import (
    MOST_REQUEST_BYTES,
    MOST_SESSIONS,
    InvalidRequestError,
    is_request,
    read_request,
    status_path,
)


def _read(**values: object):
    return read_request("r.json", json.dumps(values).encode())


def test_a_request_is_taken_as_it_is_meant():
    request = _read(sessions=["day/b.csv", "3f2a90c1d4e5b6a7", "day/b.csv", "Übung 3.csv"], models={"m": 3})
    assert request.sessions == ("day/b.csv", "3f2a90c1d4e5b6a7", "Übung 3.csv")
    assert request.file_names == ("day/b.csv", "Übung 3.csv")
    assert request.models == {"m": 3}


def test_an_id_follows_from_name_and_bytes_unless_it_is_given():
    content = b'{"sessions": ["a.csv"]}'
    assert read_request("r.json", content) == read_request("r.json", content)
    assert read_request("r.json", content).request_id != read_request("s.json", content).request_id
    assert _read(sessions=["a.csv"], request_id="monday-1").request_id == "monday-1"


def test_an_editors_byte_order_mark_is_no_mistake():
    assert read_request("r.json", b'\xef\xbb\xbf{"sessions": ["a.csv"]}').sessions == ("a.csv",)


@pytest.mark.parametrize(
    "name",
    [
        "../b/sessions/x.csv",
        "day/../../b/x.csv",
        "/data/customers/b/sessions/x.csv",
        "s3://bucket/b/x.csv",
        "file:///etc/passwd",
        "..",
        "./x.csv",
        "day//x.csv",
        "day/",
        "",
        "x" * 300,
        "a/" * 600 + "x",
        "..\\b\\x.csv",
        "x.csv\0.json",
        "x\n.csv",
        "\u202ecsv.x",
        "day/.hidden.csv",
        ".part",
        "x.csv.part",
        "x.TMP",
        "ｆlight.csv",
        unicodedata.normalize("NFD", "Übung.csv"),
        "ﬁle.csv",
        "a\u200b.csv",
        "\ud800.csv",
    ],
)
def test_names_that_could_lead_elsewhere_or_look_like_others_are_refused(name: str):
    with pytest.raises(InvalidRequestError, match=r"^Key `sessions`: value error|^Key `sessions`"):
        _read(sessions=["a.csv", name])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "The request is no JSON"),
        (b'{"sessions": ["a.csv"', "The request is no JSON"),
        (b"\xff\xfe\x00", "The request is no JSON"),
        (b"[" * 100_000, "The request is no JSON"),
        (b'["a.csv"]', "The request is no JSON object"),
        (b'{"sessions": ["a.csv"], "sessions": ["b.csv"]}', "key 'sessions' is given twice"),
        (b"{}", "Key `sessions` is missing: add it."),
        (b'{"sessions": []}', "Key `sessions` is empty"),
        (b'{"sessions": "a.csv"}', "Key `sessions`:"),
        (b'{"sessions": [7]}', "Key `sessions.0`:"),
        (b'{"sessions": ["a.csv"], "customer": "b"}', "Key `'customer'` is unknown"),
        (b'{"sessions": ["a.csv"], "models": {"m": "3"}}', "Key `models.m`:"),
        (b'{"sessions": ["a.csv"], "models": {"m": true}}', "Key `models.m`:"),
        (b'{"sessions": ["a.csv"], "models": {"m": 0}}', "Key `models.m`:"),
        (b'{"sessions": ["a.csv"], "models": {"m; DROP TABLE x": 1}}', "is no model's name"),
        (b'{"sessions": ["a.csv"], "request_id": "a b"}', "Key `request_id`: write 1 to 64"),
        (b'{"sessions": ["a.csv"], "request_id": "\'; DROP TABLE x"}', "Key `request_id`: write 1 to 64"),
        (b" " * (MOST_REQUEST_BYTES + 1), "at most 1,048,576 bytes are read"),
    ],
)
def test_a_malformed_request_is_told_by_key_and_remedy(content: bytes, words: str):
    with pytest.raises(InvalidRequestError) as caught:
        read_request("r.json", content)
    assert words in str(caught.value)
    assert len(str(caught.value)) < 2000


def test_a_request_names_a_bounded_number_of_sessions():
    names = [f"{number}.csv" for number in range(MOST_SESSIONS + 1)]
    assert len(_read(sessions=names[1:]).sessions) == MOST_SESSIONS
    with pytest.raises(InvalidRequestError, match="names too many: 1000 at most"):
        _read(sessions=names)


def test_what_is_a_request_by_its_name():
    assert is_request("monday.json")
    for name in ("monday.status.json", "monday.csv", "monday.corrections.json", "day/monday.json", "x" * 201 + ".json"):
        assert not is_request(name), name
    assert status_path("monday.json") == "inbox/monday.status.json"


@pytest.mark.parametrize("number", ["1", "javascript:alert(1)", 0, -1, 2**63, 1.0, True, [1]])
def test_the_run_that_asks_is_a_number_or_the_request_is_refused(number: object):
    with pytest.raises(InvalidRequestError, match="Key `databricks_run`"):
        _read(sessions=["a.csv"], databricks_run=number)
    assert _read(sessions=["a.csv"], databricks_run=100_000_000_000_001).databricks_run == 100_000_000_000_001
