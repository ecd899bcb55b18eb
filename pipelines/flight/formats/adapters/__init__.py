"""One module per session format, found by being here.

A module offers `recognises(source, maps) -> bool` and `read(source, maps) -> RawSession`; modules are asked in
the order of `PRIORITY` (lower first), then of their names.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from pipelines.flight.formats.column_map import ColumnMap
    from pipelines.flight.formats.session import RawSession
    from pipelines.flight.formats.source import SourceFile


class Adapter(Protocol):
    """What a module of this folder offers."""

    PRIORITY: int
    """Rank among the adapters that recognise a file; formats with a signature of their own come first."""

    def recognises(self, source: SourceFile, maps: tuple[ColumnMap, ...]) -> bool:
        """Whether the file is of this format; must be cheap and look at the head of the file only."""
        ...

    def read(self, source: SourceFile, maps: tuple[ColumnMap, ...]) -> RawSession:
        """The file as a raw session, or `QuarantineError`."""
        ...


@lru_cache(maxsize=1)
def adapters() -> tuple[Adapter, ...]:
    """All adapters of this folder, most specific first."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    found = [cast("Adapter", importlib.import_module(f"{__name__}.{name}")) for name in names]
    return tuple(sorted(found, key=lambda adapter: adapter.PRIORITY))
