"""The landing sensor's ticks: what it asks for, remembers and says."""

from __future__ import annotations

import json
import os
import time
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from pipelines.environments import settings_from
from pipelines.landing_access import landing_access
from pipelines.partitions import today
from pipelines.sensors.landing import MOST_DAYS_PER_TICK, landing_zone
from pipelines.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_from({"PIPELINES_HOME": str(tmp_path)})


def _upload(settings: Settings, path: str, age_s: float = 60, content: str = "x") -> Path:
    file = Path(str(settings.landing), path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)
    moment = time.time() - age_s
    os.utime(file, (moment, moment))
    return file


def _tick(settings: Settings, cursor: str | None = None) -> dg.SensorResult:
    context = dg.build_sensor_context(
        cursor=cursor, resources={"settings": settings, "landing": landing_access(settings.landing)}
    )
    result = landing_zone(context)
    assert isinstance(result, dg.SensorResult)
    return result


def _days(result: dg.SensorResult) -> list[str | None]:
    return [request.partition_key for request in result.run_requests or []]


def test_nothing_there(settings: Settings):
    result = _tick(settings)
    assert _days(result) == []
    assert result.skip_reason == dg.SkipReason("Nothing new in the landing zone.")


def test_new_files_ask_for_their_day_once(settings: Settings):
    _upload(settings, "sessions/2026-03-04/a.csv")
    _upload(settings, "annotations/2026-03-05/a.csv")
    first = _tick(settings)
    assert _days(first) == ["2026-03-04", "2026-03-05"]
    second = _tick(settings, first.cursor)
    assert _days(second) == []
    assert second.cursor == first.cursor


def test_what_was_seen_is_an_observation_of_the_external_asset(settings: Settings):
    _upload(settings, "sessions/2026-03-04/a.csv", content="12345")
    (event,) = _tick(settings).asset_events
    assert isinstance(event, dg.AssetObservation)
    assert event.asset_key == dg.AssetKey(["landing", "sessions"])
    assert event.partition == "2026-03-04"
    assert event.metadata["files"].value == 1
    assert event.metadata["bytes"].value == 5


def test_a_later_file_of_a_known_day_asks_again_under_another_key(settings: Settings):
    _upload(settings, "sessions/2026-03-04/a.csv")
    first = _tick(settings)
    _upload(settings, "sessions/2026-03-04/b.csv")
    second = _tick(settings, first.cursor)
    assert _days(second) == ["2026-03-04"]
    keys = [request.run_key for result in (first, second) for request in result.run_requests or []]
    assert len(set(keys)) == 2


def test_a_lost_cursor_asks_again_under_the_same_key(settings: Settings):
    _upload(settings, "sessions/2026-03-04/a.csv")
    keys = {request.run_key for _ in range(2) for request in _tick(settings).run_requests or []}
    assert len(keys) == 1


def test_a_day_waits_until_its_files_have_settled(settings: Settings):
    file = _upload(settings, "sessions/2026-03-04/a.csv", age_s=0)
    waiting = _tick(settings)
    assert _days(waiting) == []
    assert "still arriving" in str(waiting.skip_reason)
    settled = time.time() - 10
    os.utime(file, (settled, settled))
    assert _days(_tick(settings, waiting.cursor)) == ["2026-03-04"]


def test_a_modification_time_in_the_future_does_not_hold_a_day_back(settings: Settings):
    _upload(settings, "sessions/2026-03-04/a.csv", age_s=-86400)
    assert _days(_tick(settings)) == ["2026-03-04"]


def test_many_days_are_spread_over_ticks_and_none_is_lost(settings: Settings):
    wanted = [f"2026-03-{number:02d}" for number in range(1, 2 * MOST_DAYS_PER_TICK + 2)]
    for day in wanted:
        _upload(settings, f"sessions/{day}/a.csv")
    asked, cursor = [], None
    for _ in range(4):
        result = _tick(settings, cursor)
        assert len(_days(result)) <= MOST_DAYS_PER_TICK
        asked += _days(result)
        cursor = result.cursor
    assert asked == wanted


def test_today_is_a_partition_and_tomorrow_waits(settings: Settings):
    tomorrow = (today() + timedelta(days=1)).isoformat()
    _upload(settings, f"sessions/{today()}/a.csv")
    _upload(settings, f"sessions/{tomorrow}/a.csv")
    result = _tick(settings)
    assert _days(result) == [today().isoformat()]
    assert tomorrow not in json.loads(result.cursor or "{}")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("sessions/march/a.csv", "march is no upload day: move it into"),
        ("sessions/20260304/a.csv", "20260304 is no upload day: rename it to 2026-03-04"),
        ("sessions/1999-01-01/a.csv", "set PIPELINES_FIRST_UPLOAD_DAY"),
        ("sessions/a.csv", "a.csv is no upload day: move it into"),
    ],
)
def test_files_in_the_wrong_place_are_told_and_block_nothing(settings: Settings, path: str, words: str):
    _upload(settings, path)
    alone = _tick(settings)
    assert words in str(alone.skip_reason)
    _upload(settings, "sessions/2026-03-04/b.csv")
    assert _days(_tick(settings, alone.cursor)) == ["2026-03-04"]


def test_a_landing_zone_that_cannot_be_listed_fails_the_tick(settings: Settings):
    folder = Path(str(settings.landing))
    folder.mkdir(parents=True)
    (folder / "sessions").write_text("a file where a folder belongs")
    with pytest.raises(NotADirectoryError):
        _tick(settings)


def test_a_removed_day_is_forgotten_and_asks_for_nothing(settings: Settings):
    file = _upload(settings, "sessions/2026-03-04/a.csv")
    first = _tick(settings)
    file.unlink()
    second = _tick(settings, first.cursor)
    assert _days(second) == []
    assert json.loads(second.cursor or "{}") == {}
