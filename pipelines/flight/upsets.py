"""What counts as an upset: stalled, or in an attitude no training maneuver is meant to reach.

The airplane upset definition of the Airplane Upset Prevention & Recovery Training Aid (revision 3, taken over
by FAA AC 120-111) is: pitch above 25 degrees nose up or 10 nose down, bank above 45, or inappropriate speed,
unintentionally. Light training aircraft exceed those figures in ordinary lessons (steep turns at 45 to 50
degrees, power-on entries), so the limits here are those beyond which FAA regulations speak of acrobatic
attitudes and ask for parachutes (14 CFR 91.307(c): 60 degrees of bank, 30 degrees of pitch), with nose-down
pitch at 20 because a light aircraft passes its structural speeds quickly from there; and, at any attitude,
an angle of attack beyond the critical one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BANK_LIMIT_DEG = 60.0
PITCH_UP_LIMIT_DEG = 30.0
PITCH_DOWN_LIMIT_DEG = -20.0
BANK_RECOVERED_DEG = 45.0
PITCH_UP_RECOVERED_DEG = 20.0
PITCH_DOWN_RECOVERED_DEG = -12.0
ANGLE_OF_ATTACK_RECOVERED_DEG = 2.0
"""Below the critical angle of attack by this much, the wing flies again."""

LONGEST_BUMP_S = 0.4
"""An exceedance shorter than this is a gust or a bump of the sensor, not an upset."""

RECOVERED_FOR_S = 2.0
"""Recovered means within the inner limits for this long; dips back within it belong to the same upset."""


def upset_intervals(
    time_s: NDArray[np.float64],
    angle_of_attack_deg: NDArray[np.float64],
    critical_angle_of_attack_deg: NDArray[np.float64] | float,
    bank_deg: NDArray[np.float64],
    pitch_deg: NDArray[np.float64],
    airborne: NDArray[np.bool_],
) -> list[tuple[float, float]]:
    """The upsets of one flight as (start_s, end_s), in order, not overlapping.

    All arrays have one entry per sample of `time_s` (seconds, increasing; 10 Hz or better). An upset starts
    with the first exceedance of a limit that lasts longer than a bump and ends with the last sample outside
    the recovered limits. Missing angle of attack (NaN) leaves the judgement to the attitude.
    """
    if len(time_s) == 0:
        return []
    excess = angle_of_attack_deg - critical_angle_of_attack_deg
    with np.errstate(invalid="ignore"):
        outside = airborne & (
            (excess > 0.0)
            | (np.abs(bank_deg) > BANK_LIMIT_DEG)
            | (pitch_deg > PITCH_UP_LIMIT_DEG)
            | (pitch_deg < PITCH_DOWN_LIMIT_DEG)
        )
        recovering = airborne & (
            (excess > -ANGLE_OF_ATTACK_RECOVERED_DEG)
            | (np.abs(bank_deg) > BANK_RECOVERED_DEG)
            | (pitch_deg > PITCH_UP_RECOVERED_DEG)
            | (pitch_deg < PITCH_DOWN_RECOVERED_DEG)
        )
    found: list[tuple[float, float]] = []
    for first, last in _runs(outside):
        if time_s[last] - time_s[first] < LONGEST_BUMP_S:
            continue
        end = last
        quiet_since = time_s[last]
        for index in range(last + 1, len(time_s)):
            if recovering[index]:
                end, quiet_since = index, time_s[index]
            elif time_s[index] - quiet_since > RECOVERED_FOR_S:
                break
        start = float(time_s[first])
        if found and start <= found[-1][1] + RECOVERED_FOR_S:
            found[-1] = (found[-1][0], max(found[-1][1], float(time_s[end])))
        else:
            found.append((start, float(time_s[end])))
    return found


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last index of every run of true values."""
    padded = np.concatenate(([False], flags, [False])).astype(np.int8)
    edges = np.diff(padded)
    return list(zip((np.flatnonzero(edges == 1)).tolist(), (np.flatnonzero(edges == -1) - 1).tolist(), strict=True))
