"""The approach model: what the protocol asks for, on windows before the gate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pipelines.flight.approach_criteria import CRITERIA
from pipelines.flight.approach_rules import failing_by_rule, stable_probability_by_rule
from pipelines.models.approach_stability.estimator import fit_estimator, held_probabilities
from pipelines.models.approach_stability.scores import evaluate
from pipelines.models.approach_stability.windows import FEATURE_GROUPS, FEATURES, LABELS, approach_windows

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from pipelines.models.protocol import Parameters

__all__ = [
    "EXAMPLE_KEY",
    "FEATURES",
    "FEATURE_GROUPS",
    "LABEL",
    "SKOPS_TRUSTED_TYPES",
    "baseline",
    "evaluate",
    "features",
    "fit",
    "predict",
]

LABEL = "is_stable"
EXAMPLE_KEY = ("approach",)
SKOPS_TRUSTED_TYPES = (
    "numpy.dtype",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    # Its node indices are followed unchecked, as those of boosted trees are: registered versions are the project's own.
    "sklearn.tree._tree.Tree",
)

_FORESEEN = "foreseen"


def features(gold: Mapping[str, DataFrame], parameters: Parameters) -> DataFrame:
    """One row per approach."""
    return approach_windows(gold["sessions"], gold["flight_samples"], gold["approaches"])


def fit(examples: DataFrame, parameters: Parameters) -> Any:
    """Learn from every labelled approach; calibration holds sessions back by itself, so no part is left out."""
    columns = ["session_id", *EXAMPLE_KEY, "is_known", *LABELS, *FEATURES]
    table = examples.select(*columns).toPandas()
    table = (
        table.loc[table["is_known"].to_numpy(dtype=bool)]
        .sort_values(["session_id", *EXAMPLE_KEY], kind="stable")
        .reset_index(drop=True)
    )
    return fit_estimator(table, parameters)


def predict(estimator: Any, features: pd.DataFrame, parameters: Parameters) -> pd.DataFrame:
    """What is foreseen of each approach of one session, and how it went."""
    probabilities = np.full((len(features), len(LABELS)), np.nan)
    known = features["is_known"].to_numpy(dtype=bool)
    if known.any():
        probabilities[known] = held_probabilities(
            estimator, features.loc[known, list(FEATURES)].to_numpy(dtype=np.float64)
        )
    return _rows(features, probabilities[:, 0], 1.0 - probabilities[:, 1:])


def baseline(features: pd.DataFrame, parameters: Parameters) -> pd.DataFrame:
    """The rule's view: what is out of limits just before the gate stays so."""
    strains = [
        {name: float(strain) for name, strain in zip(CRITERIA, row, strict=True)}
        for row in features[[f"{name}_strain" for name in CRITERIA]].to_numpy(dtype=np.float64)
    ]
    known = features["is_known"].to_numpy(dtype=bool)
    stable = np.array([stable_probability_by_rule(strain) for strain in strains], dtype=np.float64)
    risks = np.array([[min(strain[name] / 2.0, 1.0) for name in CRITERIA] for strain in strains], dtype=np.float64)
    risks = risks.reshape(len(features), len(CRITERIA))
    named = [failing_by_rule(strain) for strain in strains]
    return _rows(features, np.where(known, stable, np.nan), np.where(known[:, None], risks, np.nan), named)


def _rows(
    features: pd.DataFrame,
    stable: np.ndarray,
    risks: np.ndarray,
    named: list[list[str]] | None = None,
) -> pd.DataFrame:
    foreseen = ~np.isnan(stable)
    type_known = features["aircraft_type"].notna().to_numpy()
    rows = features.loc[:, ["approach", "gate_second", "end_second", "outcome"]].copy()
    rows["status"] = np.where(foreseen, _FORESEEN, np.where(type_known, "not_recorded", "aircraft_type_unknown"))
    rows["stable_probability"] = np.round(stable, 6)
    rows["expected_stable"] = pd.Series(
        [bool(p >= 0.5) if f else None for p, f in zip(stable, foreseen, strict=True)], dtype=object, index=rows.index
    )
    for number, name in enumerate(CRITERIA):
        rows[f"{name}_risk"] = np.round(risks[:, number], 6)
    likeliest = [
        [CRITERIA[n] for n in np.argsort(-risk, kind="stable") if risk[n] >= 0.5] if f else None
        for risk, f in zip(risks, foreseen, strict=True)
    ]
    names = likeliest if named is None else [n if f else None for n, f in zip(named, foreseen, strict=True)]
    rows["expected_failures"] = pd.Series(names, dtype=object, index=rows.index)
    rows["is_stable"] = features["is_stable"].astype(object).where(features["is_stable"].notna(), None)
    rows["failed_criteria"] = [list(failed) for failed in features["failed_criteria"]]
    return rows
