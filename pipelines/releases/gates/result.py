"""What a gate says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class GateResult:
    """One gate of one model: whether it passed and, in words, which number failed and by how much.

    `judged` is False where there was too little to judge by: the gate lets the version through, and says so.
    """

    gate: str
    passed: bool
    sentence: str
    numbers: Mapping[str, float] = field(default_factory=dict)
    judged: bool = True


def passed(gate: str, sentence: str, numbers: Mapping[str, float] | None = None) -> GateResult:
    """The gate is passed."""
    return GateResult(gate, True, sentence, numbers or {})


def failed(gate: str, sentence: str, numbers: Mapping[str, float] | None = None) -> GateResult:
    """The gate is not passed."""
    return GateResult(gate, False, sentence, numbers or {})


def not_judged(gate: str, sentence: str, numbers: Mapping[str, float] | None = None) -> GateResult:
    """There is too little to judge by, which stops nothing."""
    return GateResult(gate, True, sentence, numbers or {}, judged=False)
