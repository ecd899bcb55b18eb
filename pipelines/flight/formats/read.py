"""From a file's bytes to a trustworthy session: open, adapt, time axis, plausibility, repairs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import polars as pl

from pipelines.flight.aircraft import aircraft_type_of
from pipelines.flight.channels import CHANNEL_NAMES
from pipelines.flight.formats.adapters import adapters
from pipelines.flight.formats.air_data import remove_disturbed_air_data
from pipelines.flight.formats.clock import TimeAxis, build_time_axis
from pipelines.flight.formats.completeness import require_flight_data, require_rows
from pipelines.flight.formats.frozen import remove_frozen_stretches
from pipelines.flight.formats.map_folders import BUILT_IN_MAPS, load_column_maps
from pipelines.flight.formats.position_speed import derive_ground_speed
from pipelines.flight.formats.ranges import enforce_ranges
from pipelines.flight.formats.session import ParsedSession, RawSession
from pipelines.flight.formats.source import open_source
from pipelines.flight.formats.unit_checks import refuse_wrong_units

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pipelines.flight.formats.column_map import ColumnMap

Result = TypeVar("Result")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PLAUSIBLE_EPOCH_S = (datetime(1990, 1, 1, tzinfo=UTC) - _EPOCH).total_seconds(), 4102444800.0
"""An absolute clock that reads before 1990 or after 2100 was never set."""


def read_session(name: str, content: bytes, maps: Path | Sequence[Path] = (BUILT_IN_MAPS,)) -> ParsedSession:
    """Parse one session file.

    `name` is the file's name (folders are ignored), `content` its bytes as stored (CSV, gzipped CSV or Parquet),
    `maps` folders or files of column maps, later ones first; the same bytes always give the same session.

    Raises `QuarantineError` if the file cannot be trusted, and `ColumnMapError` if a map is at fault, not the file.
    """
    return _checked(*_raw(name, content, _loaded(maps)))


def read_sessions(
    files: Sequence[tuple[str, bytes]], maps: Path | Sequence[Path] = (BUILT_IN_MAPS,)
) -> list[ParsedSession | Exception]:
    """Parse a few session files, each as `read_session` does; in the place of one that fails is what it raised.

    One step for all, then the next: each finds its code in the processor's caches, which the reading of a text sweeps.
    That takes a tenth off, and all the files' contents at once into memory.

    Raises `ColumnMapError` if a map is at fault, not a file.
    """
    column_maps = _loaded(maps)
    raw = [_tried(_raw, name, content, column_maps) for name, content in files]
    return [each if isinstance(each, Exception) else _tried(_checked, *each) for each in raw]


def _tried(step: Callable[..., Result], *arguments: Any) -> Result | Exception:
    try:
        return step(*arguments)
    except Exception as error:
        return error


def _loaded(maps: Path | Sequence[Path]) -> tuple[ColumnMap, ...]:
    # `maps` may be one path or several
    return load_column_maps(tuple(maps) if isinstance(maps, list | tuple) else (maps,))  # pyright: ignore[reportArgumentType]


def _raw(name: str, content: bytes, column_maps: tuple[ColumnMap, ...]) -> tuple[str, RawSession]:
    """The session as its file has it, with the file's name without folders."""
    source = open_source(name, content)
    adapter = next(adapter for adapter in adapters() if adapter.recognises(source, column_maps))
    return source.name, adapter.read(source, column_maps)


def _checked(name: str, raw: RawSession) -> ParsedSession:
    require_rows(name, raw)
    axis = build_time_axis(name, raw.stamps, raw.row_period_s)
    require_flight_data(name, raw)
    refuse_wrong_units(name, raw, axis.elapsed_s)
    enforce_ranges(name, raw)
    remove_disturbed_air_data(raw, axis.elapsed_s)
    remove_frozen_stretches(name, raw, axis.elapsed_s)
    derive_ground_speed(raw, axis.elapsed_s)
    return _parsed(raw, axis)


def _parsed(raw: RawSession, axis: TimeAxis) -> ParsedSession:
    rows = len(axis.elapsed_s)
    repairs = [*raw.repairs, *axis.repairs]
    started_at = None
    if raw.stamps_are_utc:
        if _PLAUSIBLE_EPOCH_S[0] <= axis.start <= _PLAUSIBLE_EPOCH_S[1]:
            started_at = _EPOCH + timedelta(microseconds=round(axis.start * 1e6))
        else:
            repairs.append("The recorder's date was never set; the time of recording is unknown.")
    if started_at is None:
        recorded_at = pl.Series("recorded_at", [None], dtype=pl.Datetime("us", "UTC")).new_from_index(0, rows)
    else:
        micros = round(axis.start * 1e6) + np.round(axis.elapsed_s * 1e6).astype(np.int64)
        recorded_at = pl.Series("recorded_at", micros).cast(pl.Datetime("us", "UTC"))
    columns = [
        pl.Series("sample_index", np.arange(rows, dtype=np.int64)),
        pl.Series("elapsed_s", axis.elapsed_s),
        recorded_at,
    ]
    nothing = pl.Series("", [None], dtype=pl.Float64).new_from_index(0, rows)
    missing: list[str] = []
    for channel in CHANNEL_NAMES:
        values = raw.values.get(channel)
        if values is None or np.isnan(values).all():
            missing.append(channel)
            columns.append(nothing.alias(channel))
        else:
            columns.append(pl.Series(channel, values, nan_to_null=True))
    return ParsedSession(
        samples=pl.DataFrame(columns),
        source_format=raw.source_format,
        device_kind=raw.device_kind,
        airframe_name=raw.airframe_name,
        aircraft_type=aircraft_type_of(raw.airframe_name),
        started_at=started_at,
        duration_s=float(axis.elapsed_s[-1]),
        sample_count=rows,
        dropped_rows=raw.dropped_rows,
        repairs=repairs,
        missing_channels=missing,
    )
