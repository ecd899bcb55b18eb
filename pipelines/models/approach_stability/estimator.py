"""The estimator: one calibrated classifier for the whole approach and one for each criterion, side by side."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from pipelines.flight.approach_criteria import CRITERIA
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

    `examples` holds session_id, FEATURES and LABELS (null where a criterion is unknown) in a fixed order. The whole
    approach is classified by a forest of extremely randomized trees: limits and their interplay are no straight line.
    Each criterion has one limit, for which a regularized logistic regression does as well at a hundredth of the size.
    All are calibrated by a sigmoid on sessions that they have not seen.
    """
    features = examples[list(FEATURES)].to_numpy(dtype=np.float64)
    folds = _fold_of_session(examples["session_id"].str.split("~").str[0].to_numpy())
    makers = [_forest, *[_regression] * len(CRITERIA)]
    whole, *criteria = [
        _fit_one(features, examples[label].to_numpy(dtype=object), folds, lambda maker=maker: maker(parameters))
        for label, maker in zip(LABELS, makers, strict=True)
    ]
    whole.criteria_ = criteria
    return whole


def held_probabilities(estimator: Any, features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities of LABELS, a column each: that the approach is stable, and that each criterion holds."""
    with warnings.catch_warnings():
        # Python inside an engine has no warning filters at all, of which scikit-learn complains once per tree.
        warnings.simplefilter("default")
        return np.column_stack([one.predict_proba(features)[:, 1] for one in (estimator, *estimator.criteria_)])


def _fit_one(
    features: NDArray[np.float64],
    labels: NDArray[np.object_],
    folds: NDArray[np.int64],
    classifier: Callable[[], Any],
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
    splits = list(_splits(folds))
    if len(splits) < 2 or any(len(set(held[train])) < 2 for train, _ in splits):
        # One outcome is found in one session alone: there is none left to calibrate by.
        return classifier().fit(features, held)
    whole = False  # One classifier of all examples; the folds serve the calibration alone.
    calibrated = CalibratedClassifierCV(classifier(), method="sigmoid", cv=splits, ensemble=cast("str", whole))
    return calibrated.fit(features, held)


def _forest(parameters: Parameters) -> Any:
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline

    trees = ExtraTreesClassifier(
        n_estimators=int(parameters["trees"]),
        min_samples_leaf=int(parameters["min_samples_leaf"]),
        max_features=float(parameters["max_features"]),  # type: ignore[arg-type]
        random_state=int(parameters["seed"]),
    )
    return make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), trees)


def _regression(parameters: Parameters) -> Any:
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


def _splits(folds: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Folds by session, which together hold every example once."""
    for fold in sorted(set(folds)):
        yield np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
