"""Clock readings of a source as seconds: one float per row, NaN where the source has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from pipelines.flight.formats.column_map import TimeColumn, utc_offset_seconds
from pipelines.flight.formats.numbers import as_numbers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_PATTERNS = (
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y/%m/%d %H:%M:%S%.f",
    "%Y%m%dT%H%M%S%.f",
    "%Y%m%d %H%M%S%.f",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d %H:%M",
)
"""Unambiguous ways to write a date and time; anything else needs `format` in the map."""

_OFFSET = r"\s*([+-]\d{1,2}:?\d{2})$"
_UTC_SUFFIX = r"(?i)\s*(?:z|gmt|utc)$"


def read_stamps(frame: pl.DataFrame, time: TimeColumn, decimal_comma: bool = False) -> NDArray[np.float64]:
    """Seconds per row as `time` declares them: of the Unix epoch for `epoch` and `timestamp`, else of any origin.

    `time_of_day` is unwrapped at midnight and `minutes_seconds` at the hour.
    """
    if time.kind in ("elapsed", "epoch"):
        (values, _bad), *_ = as_numbers(frame, [time.columns[0]], decimal_comma=decimal_comma).values()
        return values * time.seconds_per_unit
    source = _joined(frame, time.columns)
    if time.kind == "timestamp":
        offsets = frame[time.utc_offset_column] if time.utc_offset_column else None
        return utc_seconds(source, time.format, time.utc_offset_s, offsets)
    period = 86400.0 if time.kind == "time_of_day" else 3600.0
    return unwrapped(_sexagesimal(source, decimal_comma), period)


def _joined(frame: pl.DataFrame, columns: tuple[str, ...]) -> pl.Series:
    if len(columns) == 1:
        return frame[columns[0]]
    parts = [pl.col(column).cast(pl.String).str.strip_chars() for column in columns]
    return frame.select(pl.concat_str(parts, separator=" ", ignore_nulls=False)).to_series()


def utc_seconds(
    source: pl.Series, pattern: str | None = None, offset_s: float = 0.0, offsets: pl.Series | None = None
) -> NDArray[np.float64]:
    """Seconds of the Unix epoch that date-and-time texts (or datetimes) mean, NaN where one cannot be read.

    An offset from UTC is taken from the stamp itself ("...+02:00", " GMT"), else from `offsets` row by row,
    else `offset_s`. A row whose `offsets` cell is blank takes the nearest earlier one, or the first.
    """
    if source.dtype in (pl.Datetime, pl.Date):
        zoned = isinstance(source.dtype, pl.Datetime) and source.dtype.time_zone is not None
        micros = source.cast(pl.Datetime("us", "UTC" if zoned else None)).cast(pl.Int64).cast(pl.Float64).to_numpy()
        return micros / 1e6 - (0.0 if zoned else _row_offsets(offset_s, offsets))
    text = source.cast(pl.String, strict=False).str.strip_chars()
    sample = next((value for value in text.head(100_000) if value and any(c.isdigit() for c in value)), "")
    own = np.full(len(text), np.nan)
    if sample and pattern is None:
        stripped = text.str.replace(_UTC_SUFFIX, "") if sample[-1] in "zZtTcC" else text
        if len(stripped) and stripped is not text:
            own[(stripped.str.len_bytes() != text.str.len_bytes()).fill_null(False).to_numpy()] = 0.0
            text = stripped
        elif "+" in sample[10:] or "-" in sample[10:]:
            written = text.str.extract(_OFFSET, 1)
            meanings = {value: utc_offset_seconds(value) for value in written.unique().to_list() if value}
            own = written.replace_strict(meanings, default=None, return_dtype=pl.Float64).to_numpy().copy()
            text = text.str.replace(_OFFSET, "")
    seconds = _parsed(text, pattern)
    return seconds - np.where(np.isnan(own), _row_offsets(offset_s, offsets), own)


def _parsed(text: pl.Series, pattern: str | None) -> NDArray[np.float64]:
    """By the pattern that reads the most stamps; those that fit more of a few stamps are tried first."""
    best = np.full(len(text), np.nan)
    written = text.filter(text.str.len_bytes() > 5)
    some = written.gather_every(max(1, len(written) // 50))
    for candidate in (pattern,) if pattern else _best_fitting_first(some):
        seconds = _seconds(text, candidate)
        if np.isfinite(seconds).sum() > np.isfinite(best).sum():
            best = seconds
        if np.isfinite(best).sum() >= len(written):
            break
    return best


def _best_fitting_first(some: pl.Series) -> Iterator[str]:
    """The patterns that fit any of these stamps, those that fit more of them first."""
    others: dict[str, int] = {}
    has_perfect = False
    for candidate in _PATTERNS:
        fitting = int(np.isfinite(_seconds(some, candidate)).sum())
        if fitting == len(some) > 0 and not has_perfect:
            has_perfect = True
            yield candidate  # mostly it reads all the others, too, and no further one is asked for
        else:
            others[candidate] = fitting
    yield from (candidate for candidate in sorted(others, key=lambda each: -others[each]) if others[candidate])


def _seconds(text: pl.Series, pattern: str) -> NDArray[np.float64]:
    try:
        stamps = text.str.to_datetime(pattern, time_unit="us", strict=False)
    except pl.exceptions.PolarsError:
        return np.full(len(text), np.nan)
    if isinstance(stamps.dtype, pl.Datetime) and stamps.dtype.time_zone:
        stamps = stamps.dt.convert_time_zone("UTC")
    return stamps.cast(pl.Int64).cast(pl.Float64).to_numpy() / 1e6


def _row_offsets(offset_s: float, offsets: pl.Series | None) -> float | NDArray[np.float64]:
    if offsets is None:
        return offset_s
    text = offsets.cast(pl.String).str.strip_chars()
    if text.n_unique() == 1 and text[0]:
        return utc_offset_seconds(text[0]) or 0.0
    meanings = {value: utc_offset_seconds(value) for value in text.unique().to_list() if value}
    seconds = text.replace_strict(meanings, default=None, return_dtype=pl.Float64)
    return seconds.forward_fill().backward_fill().fill_null(offset_s).to_numpy()


def _sexagesimal(source: pl.Series, decimal_comma: bool) -> NDArray[np.float64]:
    """Seconds that "mm:ss.f" or "hh:mm:ss.f" mean; two fields are minutes and seconds."""
    if source.dtype == pl.Time:
        return source.cast(pl.Int64).cast(pl.Float64).to_numpy() / 1e9
    text = source.cast(pl.String, strict=False).str.strip_chars()
    if decimal_comma:
        text = text.str.replace(",", ".", literal=True)
    groups = text.str.extract_groups(r"^(?:(\d{1,3}):)?(\d{1,2}):(\d{1,2}(?:\.\d*)?)$").struct.unnest()
    hours, minutes, seconds = (groups[name].cast(pl.Float64, strict=False) for name in groups.columns)
    return (hours.fill_null(0.0) * 3600 + minutes * 60 + seconds).to_numpy()


def unwrapped(seconds: NDArray[np.float64], period: float) -> NDArray[np.float64]:
    """A clock that starts again after `period` seconds, made continuous; a step of half a period or more is a wrap."""
    result = np.array(seconds, dtype=np.float64)
    known = np.flatnonzero(np.isfinite(result))
    if len(known) < 2:
        return result
    steps = np.diff(result[known])
    turns = np.round(steps / period)
    result[known[1:]] -= np.cumsum(turns) * period
    return result
