"""The plain rule by which an instructor foresees an unstable approach: it is so already, just before the gate.

This is the baseline that the learned model has to beat. It holds the criteria of a stabilized approach
(`pipelines.flight.approach_criteria`) to the last ten seconds above the gate, and knows that a circuit's turn onto
final is no fault.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipelines.flight import approach_criteria as criteria

if TYPE_CHECKING:
    from numpy.typing import NDArray

LOOK_BACK_S = 10
"""The rule looks at this many seconds before the gate."""

_TURNING_DEG = 15.0
"""More heading change than this within the look-back is the turn onto final."""


def strain_before_gate(
    speed_kt: NDArray[np.float64],
    vertical_speed_fpm: NDArray[np.float64],
    bank_deg: NDArray[np.float64],
    heading_deg: NDArray[np.float64],
    reference_kt: float | None,
) -> dict[str, float]:
    """How far each criterion is used up in the last seconds before the gate: 1 at its limit, more beyond, NaN unknown.

    The arrays end with the last second above the gate. What counts is what is sustained: the highest value that is
    reached for `SUSTAINED_S` known seconds in a row.
    """
    recent = slice(-LOOK_BACK_S, None)
    below, above = criteria.SPEED_BELOW_REFERENCE_KT, criteria.SPEED_ABOVE_REFERENCE_KT
    centre = np.nan if reference_kt is None else reference_kt + (above - below) / 2.0
    bank_limit = criteria.CIRCUIT_BANK_DEG if _is_turning(heading_deg[recent]) else criteria.MAXIMUM_BANK_DEG
    return {
        "speed": _sustained(np.abs(speed_kt[recent] - centre) / ((above + below) / 2.0)),
        "sink": _sustained(-vertical_speed_fpm[recent] / criteria.MAXIMUM_SINK_FPM),
        "bank": _sustained(np.abs(bank_deg[recent]) / bank_limit),
    }


def stable_probability_by_rule(strain: dict[str, float]) -> float:
    """The rule's confidence that the approach will be stable: 1 well inside all limits, 0.5 at one, 0 at twice it.

    NaN where no criterion is known.
    """
    known = [value for value in strain.values() if not np.isnan(value)]
    return float(np.clip(1.0 - max(known) / 2.0, 0.0, 1.0)) if known else float("nan")


def failing_by_rule(strain: dict[str, float]) -> list[str]:
    """The criteria beyond their limits."""
    return [name for name in criteria.CRITERIA if strain[name] > 1.0]


def _sustained(values: NDArray[np.float64]) -> float:
    known = values[~np.isnan(values)]
    if len(known) < criteria.SUSTAINED_S:
        return float("nan")
    windows = np.lib.stride_tricks.sliding_window_view(known, criteria.SUSTAINED_S)
    return float(max(windows.min(axis=1).max(), 0.0))


def _is_turning(heading_deg: NDArray[np.float64]) -> bool:
    known = heading_deg[~np.isnan(heading_deg)]
    return len(known) > 1 and abs((known[-1] - known[0] + 180.0) % 360.0 - 180.0) > _TURNING_DEG
