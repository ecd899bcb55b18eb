"""Upsets by their definition: the limits, bumps that are none, and dips that belong together."""

from __future__ import annotations

import numpy as np

from pipelines.flight.upsets import upset_intervals


def _judge(**changed: np.ndarray) -> list[tuple[float, float]]:
    time = np.arange(0.0, 30.0, 0.1)
    flight = {
        "angle_of_attack_deg": np.full(len(time), 4.0),
        "bank_deg": np.zeros(len(time)),
        "pitch_deg": np.zeros(len(time)),
        "airborne": np.ones(len(time), dtype=bool),
    }
    flight.update(changed)
    return upset_intervals(time, critical_angle_of_attack_deg=16.0, **flight)


def _pulse(value: float, start_s: float, end_s: float, base: float = 0.0) -> np.ndarray:
    time = np.arange(0.0, 30.0, 0.1)
    return np.where((time >= start_s) & (time < end_s), value, base)


def test_level_flight_and_a_steep_turn_are_none() -> None:
    assert _judge() == []
    assert _judge(bank_deg=_pulse(-50.0, 5.0, 25.0)) == []


def test_a_stalled_wing_is_one() -> None:
    (found,) = _judge(angle_of_attack_deg=_pulse(18.0, 10.0, 13.0, base=4.0))

    np.testing.assert_allclose(found, (10.0, 12.9), atol=0.11)


def test_attitudes_beyond_each_limit_are_upsets() -> None:
    assert len(_judge(bank_deg=_pulse(61.0, 10.0, 12.0))) == 1
    assert len(_judge(bank_deg=_pulse(-75.0, 10.0, 12.0))) == 1
    assert len(_judge(pitch_deg=_pulse(31.0, 10.0, 12.0))) == 1
    assert len(_judge(pitch_deg=_pulse(-21.0, 10.0, 12.0))) == 1


def test_a_gust_is_not_an_upset() -> None:
    assert _judge(angle_of_attack_deg=_pulse(18.0, 10.0, 10.3, base=4.0)) == []


def test_it_lasts_until_the_attitude_is_recovered() -> None:
    bank = _pulse(65.0, 10.0, 12.0)
    bank[120:150] = 50.0

    (found,) = _judge(bank_deg=bank)

    np.testing.assert_allclose(found, (10.0, 14.9), atol=0.11)


def test_a_secondary_stall_within_two_seconds_is_the_same_upset_a_later_one_another() -> None:
    soon = _pulse(18.0, 10.0, 12.0, base=4.0) + _pulse(14.0, 13.5, 15.0)
    late = _pulse(18.0, 10.0, 12.0, base=4.0) + _pulse(14.0, 17.0, 19.0)

    assert len(_judge(angle_of_attack_deg=soon)) == 1
    assert len(_judge(angle_of_attack_deg=late)) == 2


def test_on_the_ground_nothing_is_an_upset_and_missing_angle_of_attack_is_no_stall() -> None:
    assert _judge(angle_of_attack_deg=_pulse(50.0, 5.0, 20.0), airborne=np.zeros(300, dtype=bool)) == []
    assert _judge(angle_of_attack_deg=np.full(300, np.nan)) == []
    assert len(_judge(angle_of_attack_deg=np.full(300, np.nan), bank_deg=_pulse(80.0, 3.0, 6.0))) == 1


def test_an_empty_flight_has_none() -> None:
    empty = np.array([])
    assert upset_intervals(empty, empty, 16.0, empty, empty, np.array([], dtype=bool)) == []
