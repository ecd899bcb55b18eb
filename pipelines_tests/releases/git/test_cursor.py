from __future__ import annotations

import json

import pytest

from pipelines.releases.git.cursor import Cursor, refusal


def test_it_comes_back_as_it_was():
    cursor = Cursor("a" * 40, 12.5, 3, 99.0, "No answer.", refusal("b" * 40, "basis", "Why.", "Remedy."))
    assert Cursor.load(cursor.dump()) == cursor
    assert Cursor.load(Cursor().dump()) == Cursor()


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "null",
        "[]",
        "7",
        '"x"',
        "{",
        '{"since": "soon"}',
        '{"refusal": {"commit": "a"}}',
        '{"refusal": 3}',
        '{"failures": 1e999}',
    ],
)
def test_whatever_else_is_there_is_an_empty_one(text: str | None):
    assert Cursor.load(text) == Cursor()


def test_what_a_newer_version_wrote_beside_is_passed_over():
    assert Cursor.load('{"head": "a", "since": 3, "more": true}') == Cursor("a", 3.0)


def test_it_stays_small_whatever_is_refused():
    cursor = Cursor("a" * 64, 1.0, refusal=refusal("a" * 64, "basis", "x" * 100_000, "y" * 100_000))
    assert len(cursor.dump()) < 5000
    assert json.loads(cursor.dump())["refusal"]["why"].startswith("xxx")


def test_since_when_the_branch_is_where_it_is():
    cursor = Cursor().seen("a", 10.0).seen("a", 20.0)
    assert (cursor.head, cursor.since) == ("a", 10.0)
    assert cursor.seen("b", 30.0).since == 30.0
    assert cursor.seen("a", 5.0).since == 5.0, "the clock was set back"
