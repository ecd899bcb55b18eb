"""The instructor's rule before the gate."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.flight.approach_rules import failing_by_rule, stable_probability_by_rule, strain_before_gate


def _strain(
    speed: float = 65, climb: float = -500, bank: float = 0, turn_dps: float = 0, reference: float | None = 63
) -> dict[str, float]:
    seconds = np.ones(30)
    heading = np.asarray((350 + turn_dps * np.arange(30)) % 360, dtype=np.float64)
    return strain_before_gate(speed * seconds, climb * seconds, bank * seconds, heading, reference)


@pytest.mark.parametrize(
    ("strain", "failing"),
    [
        (_strain(), []),
        (_strain(speed=74), ["speed"]),
        (_strain(speed=57), ["speed"]),
        (_strain(climb=-1100), ["sink"]),
        (_strain(bank=-14), ["bank"]),
        (_strain(bank=-25, turn_dps=3), []),
        (_strain(speed=80, climb=-1200), ["speed", "sink"]),
    ],
)
def test_what_is_out_of_limits_before_the_gate_is_named(strain: dict[str, float], failing: list[str]) -> None:
    assert failing_by_rule(strain) == failing
    assert (stable_probability_by_rule(strain) < 0.5) is bool(failing)


def test_the_rule_looks_at_the_last_seconds_only() -> None:
    speed = np.r_[np.full(20, 90.0), np.full(10, 65.0)]
    strain = strain_before_gate(speed, np.full(30, -500.0), np.zeros(30), np.zeros(30), 63)
    assert failing_by_rule(strain) == []


def test_what_is_unknown_has_no_strain() -> None:
    strain = _strain(speed=90, reference=None)
    assert np.isnan(strain["speed"])
    assert failing_by_rule(strain) == []
    nothing = dict.fromkeys(strain, float("nan"))
    assert np.isnan(stable_probability_by_rule(nothing))
