"""Makes the shipped code importable, and nothing else under its names."""

from __future__ import annotations

import hashlib
import io
import sys
import time
import zipfile
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

_PATIENCE_S = 10.0


class StagingError(Exception):
    """What was staged for the task is missing, or not what was submitted."""


def verified(path: str, digest: str) -> bytes:
    """The bytes of a staged file.

    Raises:
        StagingError: it is missing, or its SHA-256 is not `digest`.
    """
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            data = Path(path).read_bytes()
            break
        except FileNotFoundError:
            # A volume's mount may show a new file a moment late.
            if time.monotonic() > deadline:
                raise StagingError(f"{path} is missing from the staging volume.") from None
            time.sleep(0.25)
    found = hashlib.sha256(data).hexdigest()
    if found != digest:
        raise StagingError(
            f"{path} is not what was submitted: its digest is {found}, expected is {digest}. Nothing of it was run."
        )
    return data


def unpack(archive: bytes, folder: Path) -> set[str]:
    """Unpack a code archive into an empty folder; the top-level modules in it.

    Raises:
        StagingError: it holds a path that leaves the folder.
    """
    folder = folder.resolve()
    made: set[Path] = set()
    names: set[str] = set()
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        for entry in opened.infolist():
            target = folder / entry.filename
            if ".." in target.parts or not target.is_relative_to(folder) or target == folder:
                raise StagingError(f"The code archive holds {entry.filename!r}, which leaves its folder.")
            if target.parent not in made:
                target.parent.mkdir(parents=True, exist_ok=True)
                made.add(target.parent)
            target.write_bytes(opened.read(entry))
            first, *rest = Path(entry.filename).parts
            if rest and entry.filename.endswith(".py"):
                names.add(first)
            elif first.endswith(".py"):
                names.add(first.removesuffix(".py"))
    return names


class _ShippedOnly(MetaPathFinder):
    """Finds the shipped modules in their folder, and says of all others of those names that they do not exist."""

    def __init__(self, folder: Path, names: set[str]) -> None:
        self._folder = str(folder)
        self._names = names

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] not in self._names:
            return None
        inside = [self._folder] if path is None else [entry for entry in path if entry.startswith(self._folder)]
        spec = PathFinder.find_spec(fullname, inside, target)
        if spec is None:
            raise ModuleNotFoundError(f"No module named {fullname!r} in the shipped code", name=fullname)
        return spec


def put_first(folder: Path, names: set[str]) -> None:
    """Import these top-level modules from the folder alone, whatever else is installed or was imported before."""
    for module in list(sys.modules):
        if module.partition(".")[0] in names:
            del sys.modules[module]
    sys.path.insert(0, str(folder))
    sys.meta_path.insert(0, _ShippedOnly(folder, names))
    # The folder is thrown away with the task.
    sys.dont_write_bytecode = True
