"""What a tick lists of a bucket, and that nothing is overlooked for it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from pipelines.landing import Kind, Uploads, uploads_at
from pipelines.landing.bucket import BucketUploads
from pipelines.landing.scan import MOST_WAITING, Memory, scan
from pipelines_tests.landing.bucket_server import BucketServer, BucketZone
from pipelines_tests.landing.wire import Wire, wire_to

TODAY = date(2026, 6, 30)
KINDS: tuple[Kind, ...] = ("sessions", "annotations")


@pytest.fixture
def wire(s3: BucketServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    with wire_to(s3.endpoint) as opened:
        monkeypatch.setenv("AWS_ENDPOINT_URL", opened.endpoint)
        yield opened


class Ticks:
    """The sensor without Dagster: each tick takes note of everything that it finds, through the cursor's text."""

    def __init__(self, zone: BucketZone, wire: Wire) -> None:
        self.uploads: dict[Kind, Uploads] = {kind: uploads_at(zone.address / kind) for kind in KINDS}
        self.wire = wire
        self.cursor: str | None = None
        self.requests = 0

    def tick(self) -> set[str]:
        """`<day>/<kind>` of what is new or has changed."""
        self.wire.requests.clear()
        memory = Memory.from_text(self.cursor)
        days: dict[Kind, list[str]] = {kind: each.entries() for kind, each in self.uploads.items()}
        changed = set()
        for (day, kind), listing in scan(self.uploads, days, memory, TODAY).items():
            if memory.seen.get(day, {}).get(kind) != listing.digest:
                changed.add(f"{day}/{kind}")
                memory.seen.setdefault(day, {})[kind] = listing.digest
        self.cursor = memory.to_text()
        self.requests = len(self.wire.requests)
        return changed

    def all_of(self, count: int) -> list[str]:
        """What that many ticks find, in their order."""
        return [found for _ in range(count) for found in sorted(self.tick())]


def _days(count: int) -> list[str]:
    """The newest days up to today, newest first."""
    return [(TODAY - timedelta(days=number)).isoformat() for number in range(count)]


@pytest.fixture
def ticks(bucket_zone: BucketZone, wire: Wire) -> Ticks:
    return Ticks(bucket_zone, wire)


def test_everything_is_found_once_and_then_nothing(bucket_zone: BucketZone, ticks: Ticks):
    bucket_zone.write_many(f"sessions/{day}/{number}.csv" for day in _days(40) for number in range(5))
    bucket_zone.write_many(f"annotations/{day}/1.csv" for day in _days(15))
    wanted = {f"{day}/sessions" for day in _days(40)} | {f"{day}/annotations" for day in _days(15)}
    found = ticks.all_of(12)
    assert len(found) == len(set(found))
    assert set(found) == wanted
    assert ticks.all_of(6) == []


def test_a_tick_with_nothing_new_asks_for_no_more_with_more_that_is_known(bucket_zone: BucketZone, ticks: Ticks):
    for size in (1, 30):
        bucket_zone.write_many(f"sessions/{day}/{number}.csv" for day in _days(30) for number in range(size))
        ticks.all_of(7)
        assert ticks.all_of(3) == []
        assert ticks.requests == 2 + 2 + BucketUploads.pages_per_tick


@pytest.mark.parametrize("change", ["late", "overwritten", "removed"])
def test_a_change_in_a_past_day_is_found_when_its_turn_comes(bucket_zone: BucketZone, ticks: Ticks, change: str):
    days = _days(33)
    bucket_zone.write_many(f"sessions/{day}/{number}.csv" for day in days for number in range(3))
    ticks.all_of(8)
    match change:
        case "late":
            bucket_zone.write(f"sessions/{days[20]}/late.csv")
        case "overwritten":
            bucket_zone.write(f"sessions/{days[20]}/1.csv", b"y")
        case "removed":
            bucket_zone.remove(f"sessions/{days[20]}/1.csv")
    assert ticks.all_of(4) == [f"{days[20]}/sessions"]


def test_today_and_yesterday_are_looked_at_every_time(bucket_zone: BucketZone, ticks: Ticks):
    days = _days(30)
    bucket_zone.write_many(f"sessions/{day}/1.csv" for day in days)
    ticks.all_of(6)
    for number, day in enumerate([days[0], days[1], days[0]]):
        bucket_zone.write(f"sessions/{day}/new-{number}.csv")
        assert ticks.tick() == {f"{day}/sessions"}


def test_a_day_larger_than_a_tick_lists_is_listed_over_several(
    bucket_zone: BucketZone, ticks: Ticks, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(BucketUploads, "pages_per_tick", 2)
    monkeypatch.setattr(BucketUploads, "objects_per_page", 20)
    today, yesterday, past, other = _days(4)
    bucket_zone.write_many(f"sessions/{today}/{number:05d}.csv" for number in range(90))
    bucket_zone.write_many(f"sessions/{past}/{number:05d}.csv" for number in range(50))
    bucket_zone.write_many([f"sessions/{yesterday}/1.csv", f"sessions/{other}/1.csv"])
    found = []
    for _ in range(12):
        found += ticks.tick()
        assert ticks.requests <= 2 + 2 + 2
    assert sorted(found) == sorted(f"{day}/sessions" for day in (today, yesterday, past, other))
    bucket_zone.write(f"sessions/{today}/00000.csv", b"overwritten")
    bucket_zone.write(f"sessions/{past}/late.csv")
    assert sorted(ticks.all_of(12)) == sorted([f"{today}/sessions", f"{past}/sessions"])


def test_a_file_that_comes_behind_the_listing_of_a_large_day_is_found_in_the_next_round(
    bucket_zone: BucketZone, ticks: Ticks, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(BucketUploads, "pages_per_tick", 2)
    monkeypatch.setattr(BucketUploads, "objects_per_page", 20)
    [today] = _days(1)
    bucket_zone.write_many(f"sessions/{today}/{number:05d}.csv" for number in range(70))
    assert ticks.tick() == set()
    bucket_zone.write(f"sessions/{today}/00000-behind.csv")
    assert ticks.all_of(1) == [f"{today}/sessions"]
    assert ticks.all_of(2) == [f"{today}/sessions"]
    assert ticks.all_of(4) == []


def test_days_of_unfinished_uploads_do_not_keep_the_others_from_their_turn(bucket_zone: BucketZone, ticks: Ticks):
    days = _days(60)
    bucket_zone.write_many(f"sessions/{day}/a.csv.part" for day in days[30:])
    bucket_zone.write_many(f"sessions/{day}/a.csv" for day in days[:30])
    assert set(ticks.all_of(15)) == {f"{day}/sessions" for day in days[:30]}
    bucket_zone.write(f"sessions/{days[10]}/late.csv")
    assert ticks.all_of(14) == [f"{days[10]}/sessions"]


def test_while_many_days_wait_for_their_run_no_others_are_looked_for(bucket_zone: BucketZone, ticks: Ticks):
    days = _days(60)
    bucket_zone.write_many(f"sessions/{day}/1.csv" for day in days)
    memory = Memory(waiting=days[5 : 5 + MOST_WAITING])
    found = scan(ticks.uploads, {"sessions": days, "annotations": []}, memory, TODAY)
    assert {day for day, _ in found} <= {*days[:2], *memory.waiting}


def test_what_is_gone_is_forgotten(bucket_zone: BucketZone, ticks: Ticks):
    day = _days(9)[-1]
    bucket_zone.write(f"sessions/{day}/a.csv")
    bucket_zone.write(f"annotations/{day}/a.csv")
    ticks.tick()
    bucket_zone.remove(f"sessions/{day}/a.csv")
    assert ticks.tick() == set()
    assert Memory.from_text(ticks.cursor).seen.keys() == {day}
    assert set(Memory.from_text(ticks.cursor).seen[day]) == {"annotations"}
    bucket_zone.remove(f"annotations/{day}/a.csv")
    ticks.tick()
    assert ticks.cursor == "{}"


def test_the_memory_survives_as_text():
    memory = Memory(
        {"2026-01-01": {"sessions": "1-a"}}, ["2026-01-02"], {"others": "2026-01-03/sessions"},
        {"2026-01-04/sessions": [1, 2, 3, 4, "key"]},
    )  # fmt: skip
    assert Memory.from_text(memory.to_text()) == memory
    assert Memory.from_text(None) == Memory()
    assert Memory.from_text('{"2026-01-01": {"sessions": "1-a"}}').seen == {"2026-01-01": {"sessions": "1-a"}}
