"""What an adapter delivers, and what every session looks like once it has been checked and repaired."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Literal

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from numpy.typing import NDArray

DeviceKind = Literal["aircraft", "simulator"]


@dataclass
class RawSession:
    """A session as the adapter read it: canonical channels in canonical units, nothing judged yet.

    `stamps` holds one clock reading per row in seconds (of the Unix epoch if `stamps_are_utc`, otherwise
    of any origin), NaN where the source has none. `values` maps a canonical channel to one float per row,
    NaN where missing; channels that the source lacks are absent. `columns` maps a canonical channel to the
    source's own column name, for messages. `row_period_s` is the period that the format prescribes, if it does.
    `nan_cells` counts cells in which the source wrote NaN or infinity as a value (blank cells do not count).
    """

    source_format: str
    device_kind: DeviceKind | None
    airframe_name: str | None
    stamps: NDArray[np.float64]
    stamps_are_utc: bool
    values: dict[str, NDArray[np.float64]]
    columns: dict[str, str]
    row_period_s: float | None = None
    dropped_rows: int = 0
    nan_cells: int = 0
    repairs: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ParsedSession:
    """One trustworthy session in canonical channels.

    `samples` has `sample_index` (Int64, 0..n-1), `elapsed_s` (Float64, seconds since the first sample,
    never decreasing, starts at 0), `recorded_at` (Datetime in microseconds, UTC, null where the source has no
    absolute clock), then every canonical channel as Float64 in the source's own rate, null where missing.
    `repairs` says in plain sentences what was changed; `dropped_rows` counts rows of the source that are not
    in `samples`; `missing_channels` lists the channels without a single value.
    """

    samples: pl.DataFrame
    source_format: str
    device_kind: DeviceKind | None
    airframe_name: str | None
    aircraft_type: str | None
    started_at: datetime | None
    duration_s: float
    sample_count: int
    dropped_rows: int
    repairs: list[str]
    missing_channels: list[str]
