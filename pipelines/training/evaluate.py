"""The model and the instructor's rule, judged on sessions that neither learned from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.models.manifest import Manifest
from pipelines.models.protocol import Evaluation, ModelCode
from pipelines.models.session_scoring import load_session_scoring
from pipelines.training.examples import TEST_PARTS, Examples
from pipelines.training.inference import Judge, predictions_of
from pipelines.training.session_scores import SessionCounts

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame

BLANKED = "blanked"
"""Prefix of metrics on known types with some channels blanked."""


@dataclass(frozen=True)
class Report:
    """All that held-out sessions say: metrics by full name, figures, notes."""

    metrics: dict[str, float]
    baseline_metrics: dict[str, float]
    figures: dict[str, Any]
    notes: tuple[str, ...]
    session_counts: tuple[SessionCounts, ...] = ()
    """What the model's metrics are made of, session by session; empty if the model's folder does not say."""


def evaluate_model(manifest: Manifest, code: ModelCode, examples: Examples, saved: bytes) -> Report:
    """Metrics `<part>_<metric>` of the model and of the baseline; figures of the model on known types."""
    metrics: dict[str, float] = {}
    baseline: dict[str, float] = {}
    figures: dict[str, Any] = {}
    notes: tuple[str, ...] = ()
    counts: list[SessionCounts] = []
    scoring = load_session_scoring(manifest.name)
    for part in TEST_PARTS:
        if not examples.sessions[part]:
            continue
        rows = examples.test(part)
        labelled, predicted = _judged(manifest, code, rows, saved, "predict")
        of_model = code.evaluate(labelled, predicted, manifest.parameters)
        of_rule = _evaluation(manifest, code, rows, saved, "baseline")
        if scoring is not None:
            found = scoring.session_counts(labelled, predicted, manifest.parameters)
            counts += [SessionCounts(part, session_id, found[session_id]) for session_id in sorted(found)]
        metrics |= _prefixed(part, of_model.metrics)
        baseline |= _prefixed(part, of_rule.metrics)
        figures |= {f"{part}_{name}": draw for name, draw in of_model.figures.items()}
        notes += of_model.notes
        if part == TEST_PARTS[0]:
            figures |= {f"baseline_{part}_{name}": draw for name, draw in of_rule.figures.items()}
            if manifest.training.channel_dropout.copies:
                blanked = _evaluation(manifest, code, examples.test(part, blanked=True), saved, "predict")
                metrics |= _prefixed(BLANKED, blanked.metrics)
    return Report(metrics, baseline, figures, tuple(dict.fromkeys(notes)), tuple(counts))


def failed_thresholds(manifest: Manifest, metrics: Mapping[str, float]) -> tuple[str, ...]:
    """A sentence for each threshold that the metrics do not meet; a metric that is missing does not."""
    sentences = []
    for name, threshold in manifest.thresholds.items():
        value = metrics.get(name, math.nan)
        if not threshold.holds(value):
            bounds = " and ".join(
                f"{word} {bound:g}"
                for word, bound in (("at least", threshold.minimum), ("at most", threshold.maximum))
                if bound is not None
            )
            found = "was not measured" if math.isnan(value) else f"is {value:.3f}"
            sentences.append(f"{name} {found}, asked for is {bounds}.")
    return tuple(sentences)


def _evaluation(manifest: Manifest, code: ModelCode, rows: DataFrame, saved: bytes, judge: Judge) -> Evaluation:
    return code.evaluate(*_judged(manifest, code, rows, saved, judge), manifest.parameters)


def _judged(
    manifest: Manifest, code: ModelCode, rows: DataFrame, saved: bytes, judge: Judge
) -> tuple[pd.DataFrame, pd.DataFrame]:
    order = ["session_id", *code.EXAMPLE_KEY]
    predicted = predictions_of(manifest, rows, saved, judge).toPandas()
    predicted = predicted.sort_values(["session_id", *manifest.prediction.key], kind="stable").reset_index(drop=True)
    labelled = rows.toPandas().sort_values(order, kind="stable").reset_index(drop=True)
    return labelled, predicted


def _prefixed(part: str, metrics: Mapping[str, float]) -> dict[str, float]:
    return {f"{part}_{name}": float(value) for name, value in metrics.items()}
