"""Whether a file holds enough to be a session: rows, numbers, and something that moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipelines.flight.formats import limits
from pipelines.flight.formats.quarantine import QuarantineCode, QuarantineError

if TYPE_CHECKING:
    from pipelines.flight.formats.session import RawSession

_MAX_BAD_SHARE = 0.5
_GROUPS = {
    "altitude": ("altitude_msl_ft", "altitude_indicated_ft", "altitude_agl_ft"),
    "speed or position": (
        "indicated_airspeed_kt", "true_airspeed_kt", "ground_speed_kt", "latitude_deg",
    ),
    "attitude or direction": ("pitch_deg", "roll_deg", "heading_deg", "track_deg"),
}  # fmt: skip


def require_rows(name: str, raw: RawSession) -> None:
    """Raise `QuarantineError` (`no_rows`) unless the file has enough samples."""
    rows = len(raw.stamps)
    if rows < limits.MIN_ROWS:
        raise QuarantineError(
            QuarantineCode.NO_ROWS,
            f"{name} has {rows} complete sample(s); a session has at least {limits.MIN_ROWS}.",
            "end of the file",
            "Nothing was recorded, or the file was cut off: copy it again or delete it.",
        )


def require_flight_data(name: str, raw: RawSession) -> None:
    """Raise `QuarantineError` if most cells are not numbers (`nan_flood`) or too little is known (`no_flight_data`).

    A session needs values in two of three groups: altitude; speed or position; attitude or direction.
    """
    cells = len(raw.stamps) * len(set(raw.columns.values()))
    if cells and raw.nan_cells > _MAX_BAD_SHARE * cells:
        raise QuarantineError(
            QuarantineCode.NAN_FLOOD,
            f"{name}: {raw.nan_cells:,} of {cells:,} cells of its known columns hold NaN, infinity or text "
            f"instead of numbers, most in column {_worst_column(raw)!r}.",
            f"column {_worst_column(raw)!r}",
            "Check the recorder or the export; the file holds hardly any measurements.",
        )
    present = [
        group
        for group, channels in _GROUPS.items()
        if any(
            np.isfinite(raw.values[channel]).sum() >= limits.MIN_ROWS for channel in channels if channel in raw.values
        )
    ]
    if len(present) < 2:
        has = present[0] if present else "none of them"
        raise QuarantineError(
            QuarantineCode.NO_FLIGHT_DATA,
            f"{name} says nothing about the flight: of altitude, speed or position, and attitude or direction it has "
            f"{has}.",
            "known columns",
            "Export the session with its flight data columns, or correct the map.",
        )
    if raw.nan_cells:
        raw.repairs.append(f"{raw.nan_cells:,} cell(s) held NaN, infinity or text instead of a number; made missing.")


def _worst_column(raw: RawSession) -> str:
    missing = {channel: int(np.isnan(values).sum()) for channel, values in raw.values.items()}
    return raw.columns[max(missing, key=lambda channel: missing[channel])]
