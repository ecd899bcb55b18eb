"""Physical ranges: angles brought into their circle, impossible values made missing, and counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipelines.flight.channels import CHANNELS
from pipelines.flight.formats.quarantine import QuarantineCode, QuarantineError

if TYPE_CHECKING:
    from pipelines.flight.formats.session import RawSession

_MAX_IMPOSSIBLE_SHARE = 0.5
_LEVER_OVERSHOOT = 0.05
"""Normalised controls may read a little beyond their stops (calibration); they are clipped."""

_ESSENTIAL = frozenset(
    {
        "latitude_deg", "longitude_deg", "altitude_msl_ft", "altitude_indicated_ft", "indicated_airspeed_kt",
        "ground_speed_kt", "vertical_speed_fpm", "pitch_deg", "roll_deg", "heading_deg", "normal_acceleration_g",
    }
)  # fmt: skip


def enforce_ranges(name: str, raw: RawSession) -> None:
    """Bring every channel of `raw` into its physical range, in place, noting repairs.

    Raises `QuarantineError` (`out_of_range`) if most of an essential channel is impossible; another channel
    of which most is impossible is dropped as a whole.
    """
    for channel, values in raw.values.items():
        declared = CHANNELS[channel]
        if declared.kind == "heading":
            turned = (values >= -360) & (values < 0) | (values > 360) & (values <= 720)
            values[turned] %= 360
        elif declared.kind == "bank":
            turned = (values > 180) & (values <= 360)
            values[turned] -= 360
        elif declared.unit == "1":
            near = (values >= declared.minimum - _LEVER_OVERSHOOT) & (values <= declared.maximum + _LEVER_OVERSHOOT)
            np.clip(values, declared.minimum, declared.maximum, out=values, where=near)
        impossible = (values < declared.minimum) | (values > declared.maximum)
        if not impossible.any():
            continue
        count = int(impossible.sum())
        known = int(np.isfinite(values).sum())
        column = raw.columns.get(channel, channel)
        if count > _MAX_IMPOSSIBLE_SHARE * known:
            first = int(np.flatnonzero(impossible)[0])
            if channel in _ESSENTIAL:
                raise QuarantineError(
                    QuarantineCode.OUT_OF_RANGE,
                    f"{name}: {count:,} of {known:,} values of column {column!r} cannot be {channel} "
                    f"({declared.minimum:g} to {declared.maximum:g} {declared.unit}); sample {first + 1} reads "
                    f"{values[first]:g}.",
                    f"column {column!r}",
                    "Check that the column holds what its header says, and its unit; correct the export or the map.",
                )
            values[:] = np.nan
            raw.repairs.append(
                f"Column {column!r} was left out: {count:,} of its {known:,} values are outside the physical range "
                f"of {channel}."
            )
            continue
        values[impossible] = np.nan
        raw.repairs.append(
            f"{count:,} value(s) of column {column!r} outside the physical range of {channel} "
            f"({declared.minimum:g} to {declared.maximum:g} {declared.unit}) were made missing."
        )
