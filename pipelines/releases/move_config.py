"""How a move of releases is asked for: the kinds that there are, and the run config of their jobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

MoveKind = Literal["rollback", "approve", "quarantine", "lift", "recover", "repair", "pin", "unpin"]


def move_config(kind: MoveKind, *, actor: str, reason: str, **rest: Any) -> dict[str, Any]:
    """Run config of the job that makes moves of one kind; `rest` are other fields of `assets.release_moves.Move`."""
    return {"ops": {f"make_{kind}": {"config": {"actor": actor, "reason": reason, **rest}}}}


def release_named(kind: MoveKind, config: Mapping[str, Any]) -> str:
    """How that run config names its release; empty if it names none."""
    return config.get("ops", {}).get(f"make_{kind}", {}).get("config", {}).get("release", "")
