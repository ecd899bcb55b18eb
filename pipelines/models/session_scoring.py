"""What `session_scores.py` of a model folder offers, beside `model.py`: its metrics, taken apart by session.

With it a release can be compared with the champion on the sessions that both were judged by, in pairs and by slices.
A model without it is judged by its thresholds alone, and its gates say so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast

from pipelines.models.manifest import MODELS_FOLDER
from pipelines.models.protocol import ModelCodeError, Parameters, import_model_module

if TYPE_CHECKING:
    import pandas as pd

Counts = Mapping[str, Any]
"""Numbers of one session, as JSON: all that this session adds to the metrics."""


class SessionScoring(Protocol):
    """The names that a `session_scores.py` defines at its top level."""

    def session_counts(
        self, examples: pd.DataFrame, predictions: pd.DataFrame, parameters: Parameters
    ) -> dict[str, Counts]:
        """The counts of every labelled session, by session_id; the arguments are those of `evaluate`."""
        ...

    def metrics_of(self, counts: Sequence[Counts]) -> dict[str, float]:
        """Metrics of these sessions together, by the names that `evaluate` gives them; NaN where undefined.

        The primary metric is among them, and for all sessions it is exactly what `evaluate` gives. A session may
        come more than once, and then counts as often. Called thousands of times: keep it quick.
        """
        ...


_FUNCTIONS = ("session_counts", "metrics_of")


def load_session_scoring(name: str) -> SessionScoring | None:
    """The session scores of the model of that name; None if its folder has no `session_scores.py`.

    Raises:
        ModelCodeError: the module cannot be imported or lacks a function.
    """
    # The file is looked for, not the module: in a task, looking for a module that was not shipped is an error.
    if not (MODELS_FOLDER / name / "session_scores.py").is_file():
        return None
    module = import_model_module(name, "session_scores")
    if missing := [f"{wanted}()" for wanted in _FUNCTIONS if not callable(getattr(module, wanted, None))]:
        raise ModelCodeError(
            f"{module.__file__}: lacks {', '.join(missing)}. pipelines/models/session_scoring.py says what each is: "
            "add it."
        )
    return cast("SessionScoring", module)
