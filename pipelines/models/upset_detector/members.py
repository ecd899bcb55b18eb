"""Members of the ensemble, fitted where Spark runs them: each candidate on each fold of the sessions.

A fold's member learns from the sessions outside the fold and is judged on those inside, so one pass over the data gives
the cross-validated search, the bagged members of the winner, and scores from which a threshold can be chosen.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pipelines.models.upset_detector.events import Tally, events_of, flown_hours, labelled_events, tally
from pipelines.models.upset_detector.windows import FEATURES

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pyspark.sql import DataFrame

THRESHOLDS: tuple[float, ...] = tuple(round(float(t), 3) for t in np.linspace(0.05, 0.95, 37))
"""Thresholds that are tried."""

_MEMBER_COLUMNS = ("candidate", "fold", "average_precision", "tallies", "member")
MEMBER_SCHEMA = "candidate long, fold long, average_precision double, tallies string, member binary"

_COLUMNS = ("session_id", "second", "airspeed_kt", "is_upset")
_EDGE_S = 1
_SLOW = 1.4
_BANKED_DEG = 40.0
_PITCHED_DEG = 14.0
_QUIET_EVERY_S = 5


def fit_members(examples: DataFrame, candidates: Sequence[Mapping[str, Any]], folds: int, seed: int) -> pd.DataFrame:
    """One row of MEMBER_SCHEMA per candidate and fold, in that order; fitted on Spark's workers."""
    from pyspark.sql import functions as F

    fold = F.pmod(F.xxhash64(F.split("session_id", "~")[0]), F.lit(folds)).cast("long")
    rows = examples.select(*_COLUMNS, *FEATURES, fold.alias("held_out"))
    tasks = [(candidate, fold) for candidate in range(len(candidates)) for fold in range(folds)]
    plan = examples.sparkSession.createDataFrame(tasks, "candidate long, fold long")
    work = rows.crossJoin(F.broadcast(plan)).repartition(len(tasks), "candidate", "fold")
    fitted = work.groupBy("candidate", "fold").applyInPandas(
        _fitter([dict(c) for c in candidates], seed), MEMBER_SCHEMA
    )
    return fitted.toPandas().sort_values(["candidate", "fold"], kind="stable").reset_index(drop=True)


def _fitter(candidates: list[dict[str, Any]], seed: int) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def fit_member(rows: pd.DataFrame) -> pd.DataFrame:
        import skops.io
        from sklearn.metrics import average_precision_score

        candidate, fold = int(rows["candidate"].iloc[0]), int(rows["fold"].iloc[0])
        rows = rows.sort_values(["session_id", "second"], kind="stable")
        inside = rows["held_out"].to_numpy() == fold
        member = fit_one(rows.loc[~inside], candidates[candidate], seed + fold)
        original = ~rows["session_id"].str.contains("~").to_numpy(dtype=bool)
        judged = rows.loc[inside & original]
        score = score_of(member, judged)
        truth = judged["is_upset"].to_numpy(dtype=bool)
        precision = float(average_precision_score(truth, score)) if truth.any() else float("nan")
        tallies = tallies_by_threshold(judged, score)
        row = (candidate, fold, precision, json.dumps([vars(one) for one in tallies]), skops.io.dumps(member))
        return pd.DataFrame([dict(zip(_MEMBER_COLUMNS, row, strict=True))])

    return fit_member


def fit_one(rows: pd.DataFrame, candidate: Mapping[str, Any], seed: int) -> Any:
    """One classifier of labelled seconds, without those beside an upset, which labels include or not by chance."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    truth = rows["is_upset"].to_numpy(dtype=bool)
    clear = ~_beside_an_edge(rows["session_id"].to_numpy(), truth) & (truth | _is_telling(rows))
    # Repeated, not weighted: with weights the search for bins takes ten times as long as all trees together.
    repeated = np.repeat(np.flatnonzero(clear), np.where(truth[clear], int(candidate["upset_repeats"]), 1))
    member = HistGradientBoostingClassifier(
        max_iter=int(candidate["max_iter"]),
        learning_rate=float(candidate["learning_rate"]),
        max_leaf_nodes=int(candidate["max_leaf_nodes"]),
        min_samples_leaf=int(candidate["min_samples_leaf"]),
        l2_regularization=float(candidate["l2_regularization"]),
        max_features=float(candidate["max_features"]),
        max_bins=64,
        early_stopping=False,  # pyright: ignore[reportArgumentType]
        random_state=seed,
    )
    table = rows[list(FEATURES)].to_numpy(dtype=np.float64)
    return member.fit(table[repeated], truth[repeated])


def score_of(member: Any, rows: pd.DataFrame) -> NDArray[np.float64]:
    """Probability of an upset for each second."""
    if not len(rows):
        return np.zeros(0)
    return member.predict_proba(rows[list(FEATURES)].to_numpy(dtype=np.float64))[:, 1]


def tallies_by_threshold(rows: pd.DataFrame, score: NDArray[np.float64]) -> list[Tally]:
    """What each of THRESHOLDS gives on these sessions."""
    totals = [Tally()] * len(THRESHOLDS)
    for session in rows.assign(score=score).groupby("session_id", sort=True):
        one = session[1]
        second = one["second"].to_numpy(dtype=np.int64)
        scored = one["score"].to_numpy(dtype=np.float64)
        labelled = labelled_events(second, one["is_upset"].to_numpy(dtype=bool))
        hours = flown_hours(one["airspeed_kt"].to_numpy(dtype=np.float64))
        for number, threshold in enumerate(THRESHOLDS):
            totals[number] = totals[number] + tally(labelled, events_of(second, scored, threshold), hours)
    return totals


def _is_telling(rows: pd.DataFrame) -> NDArray[np.bool_]:
    """Seconds near the limits of normal flight, and every fifth of the quiet rest, which is all alike."""
    slow = rows["stall_ratio_smallest_within2"].to_numpy(dtype=np.float64) < _SLOW
    banked = rows["bank_size_deg_largest_within2"].to_numpy(dtype=np.float64) > _BANKED_DEG
    pitched = np.abs(rows["pitch_deg"].to_numpy(dtype=np.float64)) > _PITCHED_DEG
    return slow | banked | pitched | (rows["second"].to_numpy() % _QUIET_EVERY_S == 0)


def _beside_an_edge(session_ids: NDArray[np.object_], truth: NDArray[np.bool_]) -> NDArray[np.bool_]:
    edge = np.flatnonzero((truth[1:] != truth[:-1]) & (session_ids[1:] == session_ids[:-1]))
    beside = np.zeros(len(truth), dtype=bool)
    for index in edge.tolist():
        # Only the normal side is doubtful: a marked second is an upset.
        beside[max(0, index + 1 - _EDGE_S) : index + 1 + _EDGE_S] = True
    return beside & ~truth
