"""A saved estimator applied on Spark, session by session: the one path of evaluation and of prediction."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from pipelines.models.manifest import Manifest
from pipelines.models.protocol import ModelCode, load_model_code

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame
    from threadpoolctl import ThreadpoolController

Judge = Literal["predict", "baseline"]

_MOST_LOADED = 8
_loaded: dict[bytes, Any] = {}


class PredictionShapeError(ValueError):
    """A model's code gave columns other than those that its manifest promises."""


def save_estimator(estimator: Any) -> bytes:
    """The estimator as skops bytes: no pickle, so loading it runs no code but the types that are trusted."""
    import skops.io

    return skops.io.dumps(estimator)


def load_estimator(saved: bytes, trusted_types: tuple[str, ...]) -> Any:
    """The estimator that `save_estimator` saved; a process keeps those that it has loaded.

    Raises:
        skops.io.exceptions.UntrustedTypesFoundException: the bytes hold a type that is not trusted.
    """
    import skops.io

    key = hashlib.sha256(saved).digest()
    if key not in _loaded:
        keep_estimator(saved, skops.io.loads(saved, trusted=list(trusted_types)))
    return _loaded[key]


def keep_estimator(saved: bytes, estimator: Any) -> None:
    """Let this process have the estimator that another one has loaded from these bytes."""
    if len(_loaded) >= _MOST_LOADED:
        _loaded.clear()
    _loaded[hashlib.sha256(saved).digest()] = estimator


def predictions_of(manifest: Manifest, features: DataFrame, saved: bytes, judge: Judge = "predict") -> DataFrame:
    """session_id and the manifest's prediction columns, for every session of `features`.

    Each session is judged by itself, its examples in the order of their key, so that a session gets the
    same rows alone and among others.
    """
    columns = ", ".join(f"{column.name} {column.type}" for column in manifest.prediction.columns)
    function = _session_judge(manifest.name, dict(manifest.parameters), saved, judge, manifest.prediction_column_names)
    return features.groupBy("session_id").applyInPandas(function, f"session_id STRING, {columns}")


@cache
def _native_libraries(_model: str) -> ThreadpoolController:
    """The numerical libraries of this process, once the model has loaded its own: to find them takes a while."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def judged(
    code: ModelCode, judge: Judge, estimator: Any, features: pd.DataFrame, parameters: Mapping[str, Any]
) -> pd.DataFrame:
    """The prediction rows of one session by the model or by its baseline rule."""
    if judge == "baseline":
        return code.baseline(features, parameters)
    return code.predict(estimator, features, parameters)


def _session_judge(
    name: str, parameters: dict[str, Any], saved: bytes, judge: Judge, columns: tuple[str, ...]
) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def judge_session(features: pd.DataFrame) -> pd.DataFrame:
        code = load_model_code(name)
        ordered = features.sort_values(list(code.EXAMPLE_KEY), kind="stable").reset_index(drop=True)
        estimator = load_estimator(saved, code.SKOPS_TRUSTED_TYPES) if judge == "predict" else None
        # Spark already runs sessions side by side; a team of threads for each would only fight over the cores.
        with _native_libraries(name).limit(limits=1):
            rows = judged(code, judge, estimator, ordered, parameters)
        if set(rows.columns) != set(columns):
            raise PredictionShapeError(
                f"{name}: {judge}() gave the columns {', '.join(map(str, rows.columns))}, model.yaml promises "
                f"{', '.join(columns)}. Make the two equal."
            )
        found = rows.assign(session_id=ordered["session_id"].iloc[0])[["session_id", *columns]]
        # Empty columns have whatever type pandas thinks of, and not all of them become an empty column of text.
        return found if len(found) else found.astype(object)  # type: ignore[return-value]

    return judge_session
