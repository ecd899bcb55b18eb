"""The estimator: one calibrated classifier for the whole approach and one for each criterion, side by side."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from pipelines.models.approach_stability.windows import FEATURES, LABELS

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from pipelines.models.protocol import Parameters

_FOLDS = 5
_ENOUGH_OF_EACH = 5
"""With fewer examples of either outcome a classifier would learn the examples by heart: the share is used."""


def fit_estimator(examples: pd.DataFrame, parameters: Parameters) -> Any:
    """A classifier of `is_stable` that carries one classifier per criterion in its attribute `criteria_`.

    `examples` holds session_id, FEATURES and LABELS (null where a criterion is unknown) in a fixed order. Each
    classifier is a regularized logistic regression, calibrated by a sigmoid on sessions that it has not seen: with some
    dozens of approaches, forests and boosted trees were no better on unseen sessions, and worse calibrated.
    """
    features = examples[list(FEATURES)].to_numpy(dtype=np.float64)
    folds = _fold_of_session(examples["session_id"].str.split("~").str[0].to_numpy())
    fitted = [_fit_one(features, examples[label].to_numpy(dtype=object), folds, parameters) for label in LABELS]
    whole = fitted[0]
    whole.criteria_ = fitted[1:]
    return whole


def held_probabilities(estimator: Any, features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities of LABELS, a column each: that the approach is stable, and that each criterion holds."""
    return np.column_stack([one.predict_proba(features)[:, 1] for one in (estimator, *estimator.criteria_)])


def _fit_one(
    features: NDArray[np.float64], labels: NDArray[np.object_], folds: NDArray[np.int64], parameters: Parameters
) -> Any:
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.dummy import DummyClassifier

    known = np.array([label is not None and label == label for label in labels], dtype=bool)
    features, folds = features[known], folds[known]
    held = labels[known].astype(bool)
    if min(held.sum(), (~held).sum()) < _ENOUGH_OF_EACH:
        # Both outcomes are named, so that the probability always has two columns.
        prior = DummyClassifier(strategy="prior")
        return prior.fit(np.zeros((len(held) + 2, features.shape[1])), np.concatenate((held, [False, True])))
    splits = list(_splits(held, folds))
    if not splits:
        return _classifier(parameters).fit(features, held)
    whole = False  # One classifier of all examples; the folds serve the calibration alone.
    calibrated = CalibratedClassifierCV(
        _classifier(parameters), method="sigmoid", cv=splits, ensemble=cast("str", whole)
    )
    return calibrated.fit(features, held)


def _classifier(parameters: Parameters) -> Any:
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(
        SimpleImputer(strategy="median", keep_empty_features=True),
        StandardScaler(),
        LogisticRegression(C=float(parameters["logistic_c"]), max_iter=2000),
    )


def _fold_of_session(session_ids: NDArray[np.object_]) -> NDArray[np.int64]:
    position = {session_id: number for number, session_id in enumerate(sorted(set(session_ids)))}
    return np.array([position[session_id] % _FOLDS for session_id in session_ids], dtype=np.int64)


def _splits(held: NDArray[np.bool_], folds: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Folds by session; those whose training part shows only one outcome are passed over."""
    for fold in range(_FOLDS):
        train, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        if len(test) and 0 < held[train].sum() < len(train):
            yield train, test
