"""Files of sessions: readable by the adapters with the values flown, whole, and without a hint of the labels."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from pipelines.flight.channels import CHANNEL_NAMES
from pipelines.flight.formats import read_session
from pipelines.flight.maneuvers import MANEUVERS
from pipelines.flight.simulator.recorder import sample
from pipelines.flight.simulator.session import FlownSession
from pipelines.flight.simulator.sessions import simulate_sessions, write_session
from pipelines.flight.simulator.truth import UPSET

Fly = Callable[..., FlownSession]
_DAY = date(2026, 11, 20)


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_the_device_map_reads_back_what_the_sensors_gave(fly: Fly, tmp_path: Path, file_format: str) -> None:
    flown = fly(1, lesson="airwork")
    path = write_session(flown, tmp_path, _DAY, file_format)  # type: ignore[arg-type]
    parsed = read_session(path.name, path.read_bytes())
    given = sample(flown, flown.plan.rate_hz, seed_word=1)

    assert parsed.source_format == "training_device"
    assert parsed.device_kind == "simulator"
    assert parsed.aircraft_type == flown.plan.aircraft_type
    assert parsed.started_at is not None
    assert parsed.started_at.replace(tzinfo=flown.plan.started_at.tzinfo) == flown.plan.started_at
    assert parsed.missing_channels == []
    assert len(parsed.samples) == len(given["elapsed_s"])
    np.testing.assert_allclose(parsed.samples["elapsed_s"].to_numpy(), given["elapsed_s"], atol=1e-6)
    for channel in CHANNEL_NAMES:
        read = parsed.samples[channel].to_numpy()
        tolerance = 0.2 if channel.endswith("fpm") else 0.05
        assert np.nanmax(np.abs(read - given[channel])) <= tolerance, channel


def test_the_garmin_log_reads_back_with_only_what_a_garmin_has(fly: Fly, tmp_path: Path) -> None:
    flown = fly(3, lesson="circuits")
    path = write_session(flown, tmp_path, _DAY, "garmin")
    text = path.read_text(encoding="ascii").splitlines()
    parsed = read_session(path.name, path.read_bytes())
    given = sample(flown, 1.0, seed_word=2)
    rows = len(parsed.samples)

    assert text[0].startswith("#airframe_info")
    assert text[2].lstrip().startswith("Lcl Date")
    assert len(text[-1]) < len(text[-2])
    assert parsed.source_format == "garmin"
    assert parsed.aircraft_type == flown.plan.aircraft_type
    assert len(given["elapsed_s"]) - 1 <= rows <= len(given["elapsed_s"])
    for channel, tolerance in (("pitch_deg", 0.006), ("normal_acceleration_g", 0.006), ("altitude_msl_ft", 0.06)):
        read = parsed.samples[channel].to_numpy()
        known = np.isfinite(read)
        assert known.mean() > 0.95
        np.testing.assert_allclose(read[known], given[channel][:rows][known], atol=tolerance)
    for channel in ("flaps_deg", "angle_of_attack_deg", "elevator_position", "altitude_agl_ft"):
        assert parsed.samples[channel].null_count() == rows


def test_no_label_leaks_into_the_file(fly: Fly, tmp_path: Path) -> None:
    flown = fly(5, lesson="upset_training")
    words = [word for word in (*MANEUVERS, UPSET, "skill", "fault", "lesson") if word != "ground"]
    for file_format in ("csv", "garmin"):
        path = write_session(flown, tmp_path, _DAY, file_format)
        content = path.read_text().lower()
        assert not [word for word in words if word in content or word in path.name]


def test_annotations_name_the_file_and_are_in_order(fly: Fly, tmp_path: Path) -> None:
    session = write_session(fly(1, lesson="airwork"), tmp_path, _DAY)
    (annotations,) = (tmp_path / "annotations" / "2026-11-20").iterdir()
    with annotations.open(newline="") as file:
        rows = list(csv.DictReader(file))

    assert session.parent == tmp_path / "sessions" / "2026-11-20"
    assert list(rows[0]) == ["session_file", "start_s", "end_s", "maneuver", "instructor", "comment"]
    assert {row["session_file"] for row in rows} == {session.name}
    assert {row["maneuver"] for row in rows} <= {*MANEUVERS, UPSET}
    starts = [float(row["start_s"]) for row in rows]
    assert starts == sorted(starts)


@pytest.mark.slow
def test_a_batch_is_the_same_whatever_the_number_of_processes(tmp_path: Path) -> None:
    one = {path.name for path in simulate_sessions(3, 40, tmp_path / "one", _DAY, lesson="airwork", processes=1)}
    two = {path.name for path in simulate_sessions(3, 40, tmp_path / "two", _DAY, lesson="airwork", processes=2)}

    assert one == two
    assert len(one) == 3
    for path in (tmp_path / "one").rglob("*.*"):
        assert path.read_bytes() == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes()
    assert not list(tmp_path.rglob(".*"))


def test_the_rate_can_be_chosen(fly: Fly) -> None:
    flown = fly(1, lesson="airwork")
    for rate_hz in (1.0, 4.0, 50.0):
        elapsed = sample(flown, rate_hz, seed_word=1)["elapsed_s"]
        assert np.allclose(np.diff(elapsed), 1.0 / rate_hz)
        assert abs(elapsed[-1] - flown.record["time"][-1]) <= 1.0 / rate_hz
