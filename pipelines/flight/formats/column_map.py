"""Declared column maps: a YAML file that says which column of a source is which canonical channel.

The schema (all names in a map are the source's own, after stripping spaces):

    name: training_device            # becomes source_format; letters, digits, underscore
    description: one sentence
    device_kind: simulator           # or aircraft; may be left out
    delimiter: ","                   # "," ";" "\\t" "|" or " " (any run of spaces); text files only
    decimal_comma: false             # true where numbers are written 12,5
    comment_prefix: "#"              # leading lines that start so are metadata ("key: value" or "key=value")
    rows_after_header: 0             # rows between header and data, such as a row of units
    header_columns_required: [Time, Lat]   # a file belongs to this map if its header has all of them
    aircraft: C172                   # the airframe's name, or where it stands:
    aircraft_column: aircraft        #   a column (its first value), or
    aircraft_metadata: aircraft      #   a key of the metadata lines (in Parquet: of the schema's metadata)
    time:
      column: Time                   # one column, or a list of columns joined by a blank (date and time apart)
      kind: elapsed                  # elapsed | epoch | timestamp | time_of_day | minutes_seconds
      unit: s                        # of elapsed and epoch: s, ms, us, ns, min, h
      format: "%d.%m.%Y %H:%M:%S"    # timestamp: a strptime pattern where it is not ISO 8601
      utc_offset: "+02:00"           # timestamp: for local stamps without an offset of their own, or
      utc_offset_column: UTCOfst     # the column that holds it; without either, stamps count as UTC
      start_metadata: started_at     # elapsed: metadata key with the UTC time of elapsed 0
    channels:
      altitude_msl_ft:
        column: alt                  # or a list: the first one that the file has
        unit: m                      # a unit of `units.py`
        scale: 1                     # value = (source * scale * sign + offset), then the unit is converted
        offset: 0
        sign: 1                      # -1 where the source's positive direction is the other one
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.flight.channels import CHANNELS
from pipelines.flight.formats.units import conversion, known_units

TIME_KINDS = ("elapsed", "epoch", "timestamp", "time_of_day", "minutes_seconds")
TIME_UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "min": 60.0, "h": 3600.0}
DELIMITERS = (",", ";", "\t", "|", " ")


class ColumnMapError(ValueError):
    """A map that cannot be used: names the map's file, the key and what would be right."""


@dataclass(frozen=True)
class TimeColumn:
    """Where a source keeps its clock and how it writes it."""

    columns: tuple[str, ...]
    kind: str
    seconds_per_unit: float = 1.0
    format: str | None = None
    utc_offset_s: float = 0.0
    utc_offset_column: str | None = None
    start_metadata: str | None = None


@dataclass(frozen=True)
class MappedChannel:
    """The source's column(s) for one canonical channel; canonical = source * factor + offset."""

    channel: str
    columns: tuple[str, ...]
    unit: str
    factor: float
    offset: float


@dataclass(frozen=True)
class ColumnMap:
    """One validated map; see the module's text for the meaning of the keys."""

    path: Path
    name: str
    description: str
    device_kind: str | None
    delimiter: str
    decimal_comma: bool
    comment_prefix: str | None
    rows_after_header: int
    header_columns_required: tuple[str, ...]
    aircraft: str | None
    aircraft_column: str | None
    aircraft_metadata: str | None
    time: TimeColumn
    channels: tuple[MappedChannel, ...]


_TOP_KEYS = {
    "name", "description", "device_kind", "delimiter", "decimal_comma", "comment_prefix", "rows_after_header",
    "header_columns_required", "aircraft", "aircraft_column", "aircraft_metadata", "time", "channels",
}  # fmt: skip
_TIME_KEYS = {
    "column", "kind", "unit", "format", "utc_offset", "utc_offset_column", "start_metadata",
}  # fmt: skip
_CHANNEL_KEYS = {"column", "unit", "scale", "offset", "sign"}


def utc_offset_seconds(text: str) -> float | None:
    """Seconds east of UTC that "+02:00", "-0530" or "Z" mean, or None if it is none of these."""
    if text.strip() in ("Z", "z", "UTC", "GMT"):
        return 0.0
    match = re.fullmatch(r"([+-])(\d{1,2}):?(\d{2})(?::\d{2})?", text.strip())
    if not match:
        return None
    hours, minutes = int(match[2]), int(match[3])
    if hours > 14 or minutes > 59:
        return None
    return (1 if match[1] == "+" else -1) * (hours * 3600.0 + minutes * 60.0)


class _Reader:
    """Reads keys of one mapping and complains with the file and the key's place."""

    def __init__(self, path: Path, place: str, content: Any, allowed: set[str]) -> None:
        self.path, self.place = path, place
        if not isinstance(content, dict):
            raise ColumnMapError(f"{path}: {place or 'the file'} must be a mapping of keys to values.")
        self.content = content
        unknown = sorted(str(key) for key in content if key not in allowed)
        if unknown:
            self.fail(unknown[0], f"is not a known key; known keys are {', '.join(sorted(allowed))}")

    def fail(self, key: str, problem: str) -> Any:
        where = f"{self.place}.{key}" if self.place else key
        raise ColumnMapError(f"{self.path}: `{where}` {problem}.")

    def text(self, key: str, default: str | None = None, *, required: bool = False) -> str | None:
        value = self.content.get(key, default)
        if value is None and required:
            self.fail(key, "is missing")
        if value is not None and (not isinstance(value, str) or not value):
            self.fail(key, f"must be a text in quotes, not {value!r}")
        return value

    def number(self, key: str, default: float) -> float:
        value = self.content.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.fail(key, f"must be a number, not {value!r}")
        return float(value)

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.content.get(key)
        values = [value] if isinstance(value, str) else value
        if not isinstance(values, list) or not values or not all(isinstance(v, str) and v.strip() for v in values):
            self.fail(key, "must be a column name or a list of column names")
        return tuple(v.strip() for v in values)  # pyright: ignore[reportOptionalIterable]

    def choice(self, key: str, choices: tuple[str, ...], default: str | None = None) -> str | None:
        value = self.text(key, default)
        if value is not None and value not in choices:
            self.fail(key, f"must be one of {', '.join(map(repr, choices))}, not {value!r}")
        return value


def _time_of(path: Path, content: Any) -> TimeColumn:
    reader = _Reader(path, "time", content, _TIME_KEYS)
    kind = reader.choice("kind", TIME_KINDS) or reader.fail("kind", f"is missing; one of {', '.join(TIME_KINDS)}")
    unit = reader.choice("unit", tuple(TIME_UNITS), "s") or "s"
    offset = reader.text("utc_offset")
    offset_s = utc_offset_seconds(offset) if offset else 0.0
    if offset_s is None:
        reader.fail("utc_offset", f"must look like +02:00, not {offset!r}")
    return TimeColumn(
        columns=reader.texts("column"),
        kind=kind,
        seconds_per_unit=TIME_UNITS[unit],
        format=reader.text("format"),
        utc_offset_s=offset_s or 0.0,
        utc_offset_column=reader.text("utc_offset_column"),
        start_metadata=reader.text("start_metadata"),
    )


def _channel_of(path: Path, channel: str, content: Any) -> MappedChannel:
    place = f"channels.{channel}"
    if channel not in CHANNELS:
        raise ColumnMapError(f"{path}: `{place}` is not a canonical channel; see pipelines/flight/channels.py.")
    reader = _Reader(path, place, content, _CHANNEL_KEYS)
    canonical_unit = CHANNELS[channel].unit
    unit = reader.text("unit", required=True) or ""
    converted = conversion(unit, canonical_unit)
    if converted is None:
        known = ", ".join(known_units(canonical_unit))
        reader.fail("unit", f"{unit!r} cannot be converted to {canonical_unit!r}; known are {known}")
    factor, shift = converted or (1.0, 0.0)
    scale, offset, sign = reader.number("scale", 1), reader.number("offset", 0), reader.number("sign", 1)
    if sign not in (1, -1):
        reader.fail("sign", f"must be 1 or -1, not {sign:g}")
    if scale == 0:
        reader.fail("scale", "must not be 0")
    return MappedChannel(channel, reader.texts("column"), unit, scale * sign * factor, offset * factor + shift)


def read_column_map(path: Path) -> ColumnMap:
    """Load and validate one map; raises `ColumnMapError` naming the file and the key at fault."""
    import yaml

    from pipelines.flight.fast_yaml import load_yaml

    try:
        content = load_yaml(path.read_bytes())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ColumnMapError(f"{path}: this is not YAML: {' '.join(str(error).split())}") from error
    reader = _Reader(path, "", content, _TOP_KEYS)
    name = reader.text("name", required=True) or ""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or name == "garmin":
        reader.fail("name", f"must be lower-case letters, digits and underscores and not 'garmin', not {name!r}")
    channels = content.get("channels")
    if not isinstance(channels, dict) or not channels:
        reader.fail("channels", "must map at least one canonical channel to a column")
    decimal_comma = content.get("decimal_comma", False)
    if not isinstance(decimal_comma, bool):
        reader.fail("decimal_comma", "must be true or false")
    delimiter = reader.choice("delimiter", DELIMITERS, ",") or ","
    if decimal_comma and delimiter == ",":
        reader.fail("decimal_comma", "needs another delimiter than the comma")
    rows_after_header = reader.number("rows_after_header", 0)
    if rows_after_header not in range(100):
        reader.fail("rows_after_header", "must be a whole number below 100")
    return ColumnMap(
        path=path,
        name=name,
        description=reader.text("description", required=True) or "",
        device_kind=reader.choice("device_kind", ("aircraft", "simulator")),
        delimiter=delimiter,
        decimal_comma=decimal_comma,
        comment_prefix=reader.text("comment_prefix"),
        rows_after_header=int(rows_after_header),
        header_columns_required=reader.texts("header_columns_required"),
        aircraft=reader.text("aircraft"),
        aircraft_column=reader.text("aircraft_column"),
        aircraft_metadata=reader.text("aircraft_metadata"),
        time=_time_of(path, content.get("time")),
        channels=tuple(_channel_of(path, str(channel), entry) for channel, entry in (channels or {}).items()),
    )
