"""What the `model.py` of a model folder offers. `pipelines.training` calls these and nothing else."""

from __future__ import annotations

import importlib
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from pyspark.sql import DataFrame

Parameters = Mapping[str, Any]
"""The manifest's `parameters`."""


class ModelCodeError(TypeError):
    """Code of a model folder that cannot be imported, or does not offer what the protocol asks for."""


@dataclass(frozen=True)
class Evaluation:
    """How good predictions were on some labelled sessions.

    `metrics` maps plain snake_case names to numbers; NaN where a metric is undefined on these
    sessions. `figures` maps file names without ending to functions that draw, called only when the
    figure is wanted. `notes` are sentences for the model card.
    """

    metrics: dict[str, float]
    figures: dict[str, Callable[[], Figure]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class ModelCode(Protocol):
    """The names that a `model.py` defines at its top level."""

    FEATURES: tuple[str, ...]
    """Columns of `features` that the estimator is given, in this order; all DOUBLE, null where unknown."""

    LABEL: str
    """Column of `features` that the estimator learns; null where there is no label."""

    EXAMPLE_KEY: tuple[str, ...]
    """Columns of `features` that, with session_id, identify an example, such as ("second",)."""

    SKOPS_TRUSTED_TYPES: tuple[str, ...]
    """Types beyond skops' own list that the saved estimator is made of."""

    FEATURE_GROUPS: Mapping[str, tuple[str, ...]]
    """Features that say nearly the same, by the name of what they say; permutation importance shuffles
    each group together. `{name: (name,) for name in FEATURES}` where every feature is its own."""

    def features(self, gold: Mapping[str, DataFrame], parameters: Parameters) -> DataFrame:
        """One row per example (a second, an approach, ...), the same for training and for prediction.

        `gold` maps the last part of each table name in the manifest's `gold_tables` to its rows:
        `gold["flight_samples"]`. Tables may hold any number of sessions; an example depends only on
        its own session. Only the Spark Connect API. Columns: session_id, aircraft_type (null if
        unknown), EXAMPLE_KEY, FEATURES, LABEL, and whatever `predict`, `baseline` and `evaluate` need.
        """
        ...

    def fit(self, examples: DataFrame, parameters: Parameters) -> Any:
        """The fitted scikit-learn estimator, with `predict_proba` over a pandas frame of FEATURES.

        `examples` is what `features` gave, for labelled examples only, with the column `split`:
        `train` to learn from, `validation` to choose thresholds, stop early or calibrate by. Sessions
        with blanked channels are among both: their session_id ends in `~1`, `~2`, ...; the same data
        must always give the same estimator (fixed random_state, order by session_id and EXAMPLE_KEY).
        The estimator is saved by skops, so it holds nothing but scikit-learn, numpy and plain Python.
        """
        ...

    def predict(self, estimator: Any, features: pd.DataFrame, parameters: Parameters) -> pd.DataFrame:
        """The prediction rows of one session: the manifest's prediction columns, no others.

        `features` holds every example of that session, ordered by EXAMPLE_KEY; it may be empty.
        """
        ...

    def baseline(self, features: pd.DataFrame, parameters: Parameters) -> pd.DataFrame:
        """What the instructor's plain rule says of one session, in the shape of `predict`."""
        ...

    def evaluate(self, examples: pd.DataFrame, predictions: pd.DataFrame, parameters: Parameters) -> Evaluation:
        """How good `predictions` (with session_id, of one or more sessions) are, judged by the examples' labels.

        `examples` is what `features` gave for the same sessions, unlabelled examples included.
        Called for the model and for the baseline, on sessions of known and of unseen aircraft types.
        """
        ...


def import_model_module(name: str, module: str) -> ModuleType:
    """A module of the model's folder.

    Raises:
        ModelCodeError: it cannot be imported; with the file and the line that say why.
    """
    try:
        return importlib.import_module(f"pipelines.models.{name}.{module}")
    except Exception as error:
        what = f"{type(error).__name__}: {error.msg if isinstance(error, SyntaxError) else error}"
        raise ModelCodeError(
            f"{_place(error)}: the code of {name} cannot be imported ({what}). Correct it; "
            f"`python -c 'import pipelines.models.{name}.{module}'` shows the same."
        ) from None


def _place(error: Exception) -> str:
    """The last file of this package on the way to the error, with its line."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_within_package(error.filename)}, line {error.lineno}"
    frames = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    own = [(file, line) for file, line in frames if _PACKAGE in Path(file).parents and Path(file) != Path(__file__)]
    return f"{_within_package(own[-1][0])}, line {own[-1][1]}" if own else "pipelines/models"


def _within_package(file: str) -> str:
    """The file without the folder that its code happens to lie in, which is another one in a workspace."""
    return str(Path(file).relative_to(_PACKAGE.parent)) if _PACKAGE in Path(file).parents else file


_PACKAGE = Path(__file__).resolve().parents[1]
_NAMES = ("FEATURES", "LABEL", "EXAMPLE_KEY", "SKOPS_TRUSTED_TYPES", "FEATURE_GROUPS")
_FUNCTIONS = ("features", "fit", "predict", "baseline", "evaluate")


def load_model_code(name: str) -> ModelCode:
    """The code of the model of that name.

    Raises:
        ModelCodeError: `model.py` cannot be imported or lacks a name of the protocol.
    """
    module = import_model_module(name, "model")
    missing = [wanted for wanted in _NAMES if not hasattr(module, wanted)]
    missing += [f"{wanted}()" for wanted in _FUNCTIONS if not callable(getattr(module, wanted, None))]
    if missing:
        raise ModelCodeError(
            f"{module.__file__}: lacks {', '.join(missing)}. pipelines/models/protocol.py says what each is: add it."
        )
    return cast("ModelCode", module)
