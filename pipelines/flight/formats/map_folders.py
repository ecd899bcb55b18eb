"""The column maps of one or more folders, validated, and read again only when they change."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from pipelines.flight.formats.column_map import ColumnMap, ColumnMapError, read_column_map

BUILT_IN_MAPS = Path("<built-in maps>")
"""Stands for the folder of the maps that come with the project, wherever this process has it: a Spark worker on
another machine has it elsewhere than the process that names it."""

_FOLDER = Path(__file__).parent / "maps"


@lru_cache(maxsize=256)
def _cached_map(path: Path, _modified_ns: int, _size: int) -> ColumnMap:
    return read_column_map(path)


def _files(place: Path) -> list[tuple[Path, os.stat_result]]:
    """The files of maps, looked at for every session that is read, hence by the folder's own entries."""
    if not place.is_dir():
        return [(place, place.stat())]
    with os.scandir(place) as entries:
        found = [(entry.path, entry.stat()) for entry in entries if entry.name.endswith((".yaml", ".yml"))]
    return [(Path(path), status) for path, status in sorted(found, key=lambda each: each[0])]


def load_column_maps(places: tuple[Path, ...]) -> tuple[ColumnMap, ...]:
    """All maps of `places` (folders or single YAML files), validated, unchanged files read only once.

    Raises `ColumnMapError` for a bad map, a place that does not exist, or two maps of one name in one place.
    A map of a later place replaces one of the same name of an earlier place.
    """
    maps: dict[str, ColumnMap] = {}
    for named in places:
        place = _FOLDER if named == BUILT_IN_MAPS else named
        if not place.exists():
            raise ColumnMapError(f"{place}: there is no such file or folder of column maps.")
        here: dict[str, ColumnMap] = {}
        for file, status in _files(place):
            column_map = _cached_map(file, status.st_mtime_ns, status.st_size)
            if column_map.name in here:
                raise ColumnMapError(
                    f"{file}: `name` {column_map.name!r} is also that of {here[column_map.name].path}."
                )
            here[column_map.name] = column_map
        maps.update(here)
    return tuple(maps.values())
