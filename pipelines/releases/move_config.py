"""How a move of releases is asked for: the kinds that there are, and the run config of their jobs."""

from __future__ import annotations

from typing import Any, Literal

MoveKind = Literal["rollback", "approve", "quarantine", "lift", "recover", "repair", "pin", "unpin"]


def move_config(kind: MoveKind, *, actor: str, reason: str, **rest: Any) -> dict[str, Any]:
    """Run config of the job that makes moves of one kind; `rest` are other fields of `assets.release_moves.Move`."""
    return {"ops": {f"make_{kind}": {"config": {"actor": actor, "reason": reason, **rest}}}}
