"""Any table (text or Parquet) whose columns a map declares; see `column_map` for the maps' schema."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pipelines.flight.formats.numbers import as_numbers
from pipelines.flight.formats.parquet_table import parquet_schema, read_parquet_columns
from pipelines.flight.formats.quarantine import QuarantineCode, QuarantineError
from pipelines.flight.formats.session import RawSession
from pipelines.flight.formats.stamps import read_stamps, utc_seconds
from pipelines.flight.formats.text_table import header_names, read_text_table

if TYPE_CHECKING:
    import polars as pl

    from pipelines.flight.formats.column_map import ColumnMap
    from pipelines.flight.formats.source import SourceFile

PRIORITY = 90
_MAX_PREAMBLE_LINES = 200


def recognises(source: SourceFile, maps: tuple[ColumnMap, ...]) -> bool:
    """Always true: this is the adapter that says which columns no map knows."""
    del source, maps
    return True


def read(source: SourceFile, maps: tuple[ColumnMap, ...]) -> RawSession:
    """Read a table by the map whose required columns it has; raises `QuarantineError` if there is none."""
    if source.parquet is not None:
        names, metadata = parquet_schema(source.name, source.parquet)
        column_map = _chosen(source.name, maps, lambda _map: names, "the Parquet schema")
        wanted = _wanted(source.name, column_map, names, "the Parquet schema")
        frame = read_parquet_columns(source.name, source.parquet, wanted)
        return _session(column_map, frame, metadata, 0, list(source.repairs))
    preambles = {column_map.name: _Preamble(source, column_map) for column_map in maps}
    column_map = _chosen(source.name, maps, lambda candidate: preambles[candidate.name].names(), "its header")
    preamble = preambles[column_map.name]
    place = f"line {preamble.header_line}"
    wanted = _wanted(source.name, column_map, preamble.names(), place)
    table = read_text_table(
        source.name,
        source.text,
        preamble.names(),
        wanted,
        start=preamble.body_start(),
        numeric=_numeric(column_map, wanted),
        delimiter=column_map.delimiter,
        first_line=preamble.header_line + 1 + column_map.rows_after_header,
    )
    return _session(column_map, table.frame, preamble.metadata, table.dropped_rows, [*source.repairs, *table.repairs])


class _Preamble:
    """The lines above the samples, as one map sees them: metadata lines, header, rows to skip."""

    def __init__(self, source: SourceFile, column_map: ColumnMap) -> None:
        self._source, self._map = source, column_map
        self.metadata: dict[str, str] = {}
        self.header_line = 1
        position, text = 0, source.text
        prefix = column_map.comment_prefix.encode() if column_map.comment_prefix else None
        for _ in range(_MAX_PREAMBLE_LINES):
            end = text.find(b"\n", position)
            end = len(text) if end < 0 else end
            line = text[position:end]
            is_comment = prefix is not None and line.lstrip().startswith(prefix)
            if end >= len(text) or (line.strip() and not is_comment):
                break
            if is_comment and prefix is not None:
                self._note(line.lstrip().removeprefix(prefix).decode(errors="replace"))
            position = end + 1
            self.header_line += 1
        self._header = text[position:end]
        self._body_start = end + 1
        self._names: list[str] | None = None

    def _note(self, line: str) -> None:
        match = re.match(r"\s*([^:=]+?)\s*[:=]\s*(.*?)\s*$", line)
        if match:
            self.metadata[match[1]] = match[2].strip('"')

    def names(self) -> list[str]:
        if self._names is None:
            self._names = header_names(self._source.name, self._header, self._map.delimiter, self.header_line)
        return self._names

    def body_start(self) -> int:
        start = self._body_start
        for _ in range(self._map.rows_after_header):
            start = self._source.text.find(b"\n", start) + 1 or len(self._source.text)
        return start


def _chosen(name: str, maps: tuple[ColumnMap, ...], names_of, place: str) -> ColumnMap:
    """The map with the most required columns among those whose required columns are all there."""
    missing: list[tuple[ColumnMap, list[str]]] = []
    for column_map in maps:
        names = set(names_of(column_map))
        missing.append((column_map, [column for column in column_map.header_columns_required if column not in names]))
    complete = [column_map for column_map, lacking in missing if not lacking]
    if complete:
        # a later map wins a tie, so that a user's map can take over from a built-in one
        return max(reversed(complete), key=lambda column_map: len(column_map.header_columns_required))
    shown = ", ".join(repr(column) for column in (names_of(maps[0]) if maps else [])[:8])
    hint = ""
    if maps:
        nearest, lacking = min(missing, key=lambda each: len(each[1]))
        if len(lacking) < len(nearest.header_columns_required):
            wanted = ", ".join(repr(column) for column in lacking[:5])
            hint = f" The nearest map is {nearest.name!r}, which also wants {wanted}."
    raise QuarantineError(
        QuarantineCode.UNKNOWN_FORMAT,
        f"{name} is not a Garmin log, and no column map knows {place} ({shown}).{hint}",
        "line 1",
        "Add a column map for this source, see docs/adding-a-session-format.md.",
    )


def _wanted(name: str, column_map: ColumnMap, names: list[str], place: str) -> list[str]:
    time = column_map.time
    needed = [*time.columns, *([time.utc_offset_column] if time.utc_offset_column else [])]
    for column in needed:
        if column not in names:
            raise QuarantineError(
                QuarantineCode.NO_TIME_AXIS,
                f"{name} has no column {column!r} in {place}, which the map {column_map.name!r} takes the time from.",
                f"{place}, column {column!r}",
                "Export the session with its time column, or correct the map.",
            )
    if column_map.aircraft_column in names:
        needed.append(str(column_map.aircraft_column))
    for channel in column_map.channels:
        present = next((column for column in channel.columns if column in names), None)
        if present:
            needed.append(present)
    return list(dict.fromkeys(needed))


def _numeric(column_map: ColumnMap, wanted: list[str]) -> list[str]:
    """The wanted columns that hold nothing but numbers with a decimal point, as far as the map says."""
    if column_map.decimal_comma:
        return []
    time = column_map.time
    texts = {column_map.aircraft_column, time.utc_offset_column}
    if time.kind not in ("elapsed", "epoch"):
        texts |= set(time.columns)
    return [column for column in wanted if column not in texts]


def _session(
    column_map: ColumnMap, frame: pl.DataFrame, metadata: dict[str, str], dropped_rows: int, repairs: list[str]
) -> RawSession:
    present = set(frame.columns)
    used = {
        channel.channel: next((column for column in channel.columns if column in present), None)
        for channel in column_map.channels
    }
    columns = {channel: column for channel, column in used.items() if column is not None}
    numbers = as_numbers(frame, list(dict.fromkeys(columns.values())), decimal_comma=column_map.decimal_comma)
    values = {
        channel.channel: numbers[columns[channel.channel]][0] * channel.factor + channel.offset
        for channel in column_map.channels
        if channel.channel in columns
    }
    time = column_map.time
    stamps = read_stamps(frame, time, column_map.decimal_comma)
    utc = time.kind in ("epoch", "timestamp")
    if time.start_metadata and time.start_metadata in metadata:
        start = _start_of(metadata[time.start_metadata])
        if start is not None:
            stamps, utc = stamps + start, True
    return RawSession(
        source_format=column_map.name,
        device_kind=column_map.device_kind,  # pyright: ignore[reportArgumentType]
        airframe_name=_airframe_name(column_map, frame, metadata),
        stamps=stamps,
        stamps_are_utc=utc,
        values=values,
        columns=columns,
        dropped_rows=dropped_rows,
        nan_cells=sum(bad for _values, bad in numbers.values()),
        repairs=repairs,
    )


def _start_of(text: str) -> float | None:
    import polars as pl

    seconds = float(utc_seconds(pl.Series([text]))[0])
    return seconds if seconds == seconds else None


def _airframe_name(column_map: ColumnMap, frame: pl.DataFrame, metadata: dict[str, str]) -> str | None:
    if column_map.aircraft:
        return column_map.aircraft
    if column_map.aircraft_metadata and metadata.get(column_map.aircraft_metadata):
        return metadata[column_map.aircraft_metadata]
    if column_map.aircraft_column in frame.columns:
        names = frame[str(column_map.aircraft_column)]
        if names.null_count():
            names = names.drop_nulls()
        if len(names):
            return str(names[0]).strip() or None
    return None
