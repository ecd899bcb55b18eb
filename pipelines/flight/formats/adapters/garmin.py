"""Garmin CSV, as the G1000 and its kin write it to their data card.

Three header lines (`#airframe_info,...`, units, space-padded names), one row a second, date and time local with
their offset from UTC, blank until the GPS has a fix. Which columns there are depends on the airframe. HDG, TRK
and WndDr are magnetic. The last row is cut off when the unit loses power, which is how it is switched off.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pipelines.flight.formats.column_map import TimeColumn
from pipelines.flight.formats.numbers import as_numbers
from pipelines.flight.formats.quarantine import QuarantineCode, QuarantineError
from pipelines.flight.formats.session import RawSession
from pipelines.flight.formats.stamps import read_stamps
from pipelines.flight.formats.text_table import header_names, read_text_table

if TYPE_CHECKING:
    from pipelines.flight.formats.column_map import ColumnMap
    from pipelines.flight.formats.source import SourceFile

PRIORITY = 10
SOURCE_FORMAT = "garmin"

_SIGNATURE = b"#airframe_info"
_TIME_COLUMNS = ("Lcl Date", "Lcl Time", "UTCOfst")

_COLUMNS: dict[str, tuple[str, ...]] = {
    "latitude_deg": ("Latitude",),
    "longitude_deg": ("Longitude",),
    "altitude_msl_ft": ("AltMSL",),
    "altitude_indicated_ft": ("AltInd", "AltB"),
    "indicated_airspeed_kt": ("IAS",),
    "true_airspeed_kt": ("TAS",),
    "ground_speed_kt": ("GndSpd",),
    "vertical_speed_fpm": ("VSpd",),
    "pitch_deg": ("Pitch",),
    "roll_deg": ("Roll",),
    "heading_deg": ("HDG",),
    "track_deg": ("TRK",),
    "normal_acceleration_g": ("NormAc",),
    "lateral_acceleration_g": ("LatAc",),
    "engine_rpm": ("E1 RPM",),
    "fuel_flow_gph": ("E1 FFlow",),
    "outside_air_temperature_c": ("OAT",),
    "wind_speed_kt": ("WndSpd",),
    "wind_direction_deg": ("WndDr",),
}
"""Canonical channel to the names that the avionics use for it, the first present one wins; units are canonical."""


def recognises(source: SourceFile, maps: tuple[ColumnMap, ...]) -> bool:
    """True if the text starts with the avionics' signature."""
    del maps
    return source.text[:64].lstrip().startswith(_SIGNATURE)


def read(source: SourceFile, maps: tuple[ColumnMap, ...]) -> RawSession:
    """Read a Garmin log; raises `QuarantineError` if its header is incomplete or its rows are malformed."""
    del maps
    name, text = source.name, source.text
    (airframe_line, _units, names_line), body_start = _header(name, text)
    columns = header_names(name, names_line, ",", 3)
    found = {channel: next((c for c in names if c in columns), None) for channel, names in _COLUMNS.items()}
    used = {channel: column for channel, column in found.items() if column is not None}
    missing = [column for column in _TIME_COLUMNS[:2] if column not in columns]
    if missing:
        raise QuarantineError(
            QuarantineCode.NO_TIME_AXIS,
            f"Line 3 of {name} has no column {missing[0]!r}, so its samples have no time.",
            f"line 3, column {missing[0]!r}",
            "Copy the file from the data card again, with its three header lines unchanged.",
        )
    time = TimeColumn(
        ("Lcl Date", "Lcl Time"), "timestamp", utc_offset_column="UTCOfst" if "UTCOfst" in columns else None
    )
    wanted = [column for column in _TIME_COLUMNS if column in columns] + list(used.values())
    table = read_text_table(name, text, columns, wanted, start=body_start, numeric=list(used.values()), first_line=4)
    numbers = as_numbers(table.frame, list(used.values()))
    values = {channel: numbers[column][0] for channel, column in used.items()}
    if "normal_acceleration_g" in values:
        # the avionics log the load factor as the deviation from level flight
        values["normal_acceleration_g"] += 1.0
    return RawSession(
        source_format=SOURCE_FORMAT,
        device_kind="aircraft",
        airframe_name=_airframe_name(airframe_line),
        stamps=read_stamps(table.frame, time),
        stamps_are_utc=True,
        values=values,
        columns=used,
        row_period_s=1.0,
        dropped_rows=table.dropped_rows,
        nan_cells=sum(bad for _values, bad in numbers.values()),
        repairs=[*source.repairs, *table.repairs],
    )


def _header(name: str, text: bytes) -> tuple[list[bytes], int]:
    """The three header lines, blank lines between them left out, and where the rows begin."""
    lines: list[bytes] = []
    position = 0
    while len(lines) < 3:
        end = text.find(b"\n", position)
        if end < 0:
            raise QuarantineError(
                QuarantineCode.TRUNCATED,
                f"{name} ends in line {len(lines) + 1}, before the first sample of the Garmin log.",
                f"line {len(lines) + 1}",
                "Copy the file from the data card again; an empty log can be deleted.",
            )
        if text[position:end].strip():
            lines.append(text[position:end])
        position = end + 1
    return lines, position


def _airframe_name(line: bytes) -> str | None:
    match = re.search(rb'airframe_name\s*=\s*"([^"]*)"', line)
    name = match[1].decode(errors="replace").strip() if match else ""
    return name or None
