"""One thing that a plan asks for: whether it is there, and what would bring it about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

State = Literal["there", "missing", "extra", "foreign"]


class BootstrapError(RuntimeError):
    """A plan cannot be applied; the message says where, why and what to do."""


@dataclass(frozen=True)
class Step:
    """`there`: nothing to do. `missing`, `extra`: `act` adds or takes away. `foreign`: reported, never touched."""

    state: State
    what: str
    act: Callable[[], object] | None = None
