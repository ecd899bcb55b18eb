"""A log without any speed gets its ground speed from the positions; one with a speed keeps what it states."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.flight.formats.position_speed import derive_ground_speed
from pipelines.flight.formats.session import RawSession

_METRES_PER_DEGREE = 111_120.0
_KNOT = 1852 / 3600


def flown(
    speed_kt: np.ndarray, elapsed_s: np.ndarray, noise_m: float = 0.0, latitude: float = 47.0, **more: np.ndarray
) -> RawSession:
    """A flight to the north east at these speeds, one position per sample."""
    random = np.random.default_rng(1)
    moved = np.concatenate(([0.0], np.cumsum(speed_kt[1:] * np.diff(elapsed_s)))) * _KNOT * np.sqrt(0.5)
    north = moved + random.normal(0.0, noise_m, len(moved))
    east = moved + random.normal(0.0, noise_m, len(moved))
    values = {
        "latitude_deg": latitude + north / _METRES_PER_DEGREE,
        # across the date line: 360 degrees less from one sample to the next
        "longitude_deg": (179.99 + east / (_METRES_PER_DEGREE * np.cos(np.radians(latitude))) + 180.0) % 360.0 - 180.0,
        **more,
    }
    return RawSession("drawn", None, None, elapsed_s, True, values, {name: name for name in values})


def at_seconds(raw: RawSession, elapsed_s: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    return np.interp(seconds, elapsed_s, raw.values["ground_speed_kt"])


def test_speed_is_found_within_two_knots_at_ten_hertz_and_three_metres_of_noise():
    elapsed = np.arange(0.0, 300.0, 0.1)
    speed = np.interp(elapsed, [0, 60, 90, 300], [0.0, 0.0, 70.0, 110.0])
    raw = flown(speed, elapsed, noise_m=3.0)
    derive_ground_speed(raw, elapsed)
    found = raw.values["ground_speed_kt"]
    moving = np.isfinite(found) & (speed > 40.0)
    assert np.sqrt(np.mean((found - speed)[moving] ** 2)) < 2.0
    assert np.nanmax(found[elapsed < 55.0]) < 6.0
    assert np.isfinite(found).mean() > 0.97
    assert len(raw.repairs) == 1
    assert "derived from the positions" in raw.repairs[0]


def test_gaps_and_jumps_stay_missing():
    elapsed = np.concatenate((np.arange(0.0, 100.0), np.arange(130.0, 300.0)))
    raw = flown(np.full(len(elapsed), 90.0), elapsed)
    raw.values["latitude_deg"][200:] += 0.2  # repositioned by 12 nautical miles
    derive_ground_speed(raw, elapsed)
    found = at_seconds(raw, elapsed, np.array([50.0, 150.0, 250.0]))
    assert found == pytest.approx(90.0, abs=0.5)
    jumped_at = elapsed[200]
    near = np.abs(elapsed - jumped_at) < 2.0
    assert np.isnan(raw.values["ground_speed_kt"][near]).all()
    beside_gap = (elapsed > 98.0) & (elapsed < 132.0)
    assert np.isnan(raw.values["ground_speed_kt"][beside_gap]).all()
    assert np.nanmax(raw.values["ground_speed_kt"]) < 95.0


@pytest.mark.parametrize("stated", ["indicated_airspeed_kt", "true_airspeed_kt", "ground_speed_kt"])
def test_a_log_with_a_speed_of_its_own_is_left_alone(stated):
    elapsed = np.arange(0.0, 120.0)
    raw = flown(np.full(120, 90.0), elapsed)
    raw.values[stated] = np.full(120, 88.0)
    derive_ground_speed(raw, elapsed)
    assert raw.repairs == []
    assert ("ground_speed_kt" in raw.values) == (stated == "ground_speed_kt")
    assert (raw.values[stated] == 88.0).all()


def test_too_few_positions_give_no_speed():
    elapsed = np.arange(0.0, 120.0)
    raw = flown(np.full(120, 90.0), elapsed)
    raw.values["latitude_deg"][::3] = np.nan
    derive_ground_speed(raw, elapsed)
    assert "ground_speed_kt" not in raw.values
