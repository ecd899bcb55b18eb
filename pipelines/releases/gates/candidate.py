"""What the gates look at: one registered version, read whole, so that judging it needs no registry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Candidate:
    """A registered version. The champion is given in the same shape."""

    model: str
    version: int
    metrics: Mapping[str, float]
    session_scores: Sequence[Mapping[str, Any]] = ()
    """Rows as `pipelines.training.session_scores` writes them; empty if the model's folder does not score sessions."""
    signature: Mapping[str, Any] = field(default_factory=dict)
    """MLflow's, parsed: `inputs` and `outputs`, each a list of columns or a tensor."""
    folder: Path | None = None
    """The artifact as it was registered."""
    example_predictions: Sequence[Any] = ()
    """What the model answered to its input example when it was trained."""
