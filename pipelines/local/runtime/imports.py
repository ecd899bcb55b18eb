"""What a task may import: the interpreter's own packages and the code shipped with it, nothing else."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType


class HiddenCode(MetaPathFinder):
    """Finder that refuses modules whose file lies in a hidden folder, however they would be found.

    A folder within a hidden one may be shown: shipped code may lie there.
    """

    def __init__(self, hidden: list[str], shown: list[str]) -> None:
        self._hidden = tuple(folder.rstrip("/") + "/" for folder in hidden)
        self._shown = tuple(folder.rstrip("/") + "/" for folder in shown)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        for finder in sys.meta_path:
            if finder is self or not hasattr(finder, "find_spec"):
                continue
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                return None if self._is_hidden(spec) else spec
        return None

    def _is_hidden(self, spec: ModuleSpec) -> bool:
        places = [spec.origin or "", *(spec.submodule_search_locations or [])]
        found = [f"{Path(place)}/" for place in places if place.startswith("/")]
        return any(place.startswith(self._hidden) and not place.startswith(self._shown) for place in found)


def seal(hidden: list[str], shown: list[str]) -> None:
    """Leave only the interpreter's own folders on the path; editable installs and `.pth` additions go."""
    own = tuple(str(Path(prefix)) + "/" for prefix in {sys.prefix, sys.base_prefix, sys.exec_prefix})
    sys.path[:] = [entry for entry in sys.path if entry.startswith(own)]
    sys.meta_path[:] = [finder for finder in sys.meta_path if "__editable__" not in _module_of(finder)]
    sys.path_hooks[:] = [hook for hook in sys.path_hooks if "__editable__" not in _module_of(hook)]
    sys.path_importer_cache.clear()
    if hidden:
        sys.meta_path.insert(0, HiddenCode(hidden, shown))


def ship(paths: list[str]) -> None:
    """Put the task's own code first on the path."""
    sys.path[:0] = [path for path in paths if path not in sys.path]


def _module_of(thing: object) -> str:
    return str(getattr(thing, "__module__", "") or "")
