"""A customer's own column maps: how its devices name their columns, from `maps/` among the customer's files.

What customers write is looked at before it is read as a map: it is small, flat, and repeats nothing by reference.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

from pipelines.customers.files import CustomerFiles
from pipelines.customers.places import MAPS
from pipelines.flight.formats.column_map import ColumnMap, ColumnMapError
from pipelines.flight.formats.map_folders import BUILT_IN_MAPS, load_column_maps
from pipelines.landing.uploads import FileChangedError, LandedFile
from pipelines.tables.pending import source_digest

MOST_MAPS = 20
MOST_MAP_BYTES = 64 * 1024
_DEEPEST = 6
_LONGEST_REASON = 400


class CustomerMapError(ValueError):
    """A map of the customer cannot be used; the message names its file, the key and what would be right."""


@dataclass(frozen=True)
class SessionMaps:
    """The maps by which a customer's sessions are read."""

    places: tuple[Path, ...] = (BUILT_IN_MAPS,)
    """As `read_session` takes them; every worker of the engine sees them."""
    own: Mapping[str, str] = field(default_factory=dict)
    """Digest of each of the customer's own maps, by name."""

    def source_digest(self, session_id: str, source_format: str | None) -> str:
        """Digest of all that a session's rows depend on: its bytes, the rules, and the customer's map that read it.

        Args:
            source_format: what read it; None if nothing could, which may be another matter with other maps.
        """
        digest = source_digest(session_id, ())
        maps = sorted(self.own.values()) if source_format is None else [self.own.get(source_format, "")]
        return sha256(f"{digest}\0{maps}".encode()).hexdigest()[:16] if any(maps) else digest


@contextmanager
def session_maps(files: CustomerFiles, scratch: Path) -> Iterator[SessionMaps]:
    """The built-in maps and the customer's own, which win; for as long as the block lasts.

    Args:
        scratch: folder that all workers of the engine see.

    Raises:
        CustomerMapError: one of the customer's maps cannot be used.
        LandingUnavailableError, OSError: the customer's files cannot be reached.
    """
    found = [file for file in files.listed(MAPS) if file.file_path.endswith((".yaml", ".yml"))]
    if not found:
        yield SessionMaps()
        return
    if len(found) > MOST_MAPS:
        raise CustomerMapError(f"There are {len(found)} files in {MAPS}/, at most {MOST_MAPS} are read: remove some.")
    folder = scratch / f"maps_{uuid4().hex}"
    folder.mkdir(parents=True)
    try:
        contents: dict[Path, bytes] = {}
        for number, file in enumerate(found):
            copy = folder / f"{number:02}.yaml"
            contents[copy] = _content(files, file)
            copy.write_bytes(contents[copy])
        own = {one.name: sha256(contents[one.path]).hexdigest() for one in _validated(folder, found)}
        yield SessionMaps((BUILT_IN_MAPS, folder), own)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _content(files: CustomerFiles, file: LandedFile) -> bytes:
    if file.size_bytes > MOST_MAP_BYTES:
        raise CustomerMapError(f"{file.file_path} has {file.size_bytes:,} bytes, at most {MOST_MAP_BYTES:,} are read.")
    try:
        content = files.read(file)
    except (FileChangedError, FileNotFoundError):
        raise CustomerMapError(f"{file.file_path} changed while it was read: ask again when it is complete.") from None
    if (problem := _why_odd(content)) is not None:
        raise CustomerMapError(f"{file.file_path} {problem}.")
    return content


def _validated(folder: Path, found: list[LandedFile]) -> tuple[ColumnMap, ...]:
    try:
        return load_column_maps((folder,))
    except ColumnMapError as error:
        words = str(error)
        for number, file in enumerate(found):
            words = words.replace(str(folder / f"{number:02}.yaml"), file.file_path)
        raise CustomerMapError(f"{words[:_LONGEST_REASON]}") from None


def _why_odd(content: bytes) -> str | None:
    """What no map needs and what could exhaust this process: references, and lists in lists in lists."""
    import yaml

    depth = 0
    try:
        for event in yaml.parse(content, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            if isinstance(event, yaml.AliasEvent):
                return "refers to another part of itself by `*`: write the values out"
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST:
                return "is nested too deeply: write it as docs/adding-a-session-format.md shows"
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        return f"is not YAML: {' '.join(str(error).split())[:200]}"
    return None
