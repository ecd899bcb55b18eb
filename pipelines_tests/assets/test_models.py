"""Model assets: what a version is compared with."""

from __future__ import annotations

import pytest

from pipelines.assets.models import attributes_of, metric_rows
from pipelines.environments import settings_from
from pipelines.models.manifest import Threshold, load_manifests

MANIFEST = next(iter(load_manifests().values()))


def _bounded(**thresholds: Threshold):
    return MANIFEST.model_copy(update={"thresholds": thresholds})


@pytest.mark.parametrize(
    ("bound", "value", "rule", "holds", "beats"),
    [
        (Threshold(minimum=0.9), 0.95, 0.8, True, True),
        (Threshold(minimum=0.9), 0.85, 0.8, False, True),
        (Threshold(minimum=0.9), 0.95, 0.97, True, False),
        (Threshold(maximum=1.0), 0.5, 2.0, True, True),
        (Threshold(maximum=1.0), 3.0, 2.0, False, False),
        (Threshold(minimum=0.9), 0.95, None, True, True),
        (Threshold(minimum=0.9), 0.95, float("nan"), True, True),
        (Threshold(minimum=0.9), float("nan"), 0.5, False, False),
    ],
)
def test_a_metric_is_held_against_its_bound_and_the_rule(
    bound: Threshold, value: float, rule: float | None, holds: bool, beats: bool
):
    baseline = {} if rule is None else {"score": rule}
    (row,) = metric_rows(_bounded(score=bound), {"score": value}, baseline)
    assert (row["holds"], row["beats_rule"]) == (holds, beats)


def test_a_metric_that_was_not_measured_fails():
    (row,) = metric_rows(_bounded(score=Threshold(minimum=0.9)), {}, {})
    assert (row["holds"], row["beats_rule"]) == (False, False)


def test_a_models_step_is_given_the_compute_and_the_time_that_its_manifest_says():
    compute = MANIFEST.compute.model_copy(update={"size_class": "large", "time_limit_minutes": 7.5})
    attributes = attributes_of(MANIFEST.model_copy(update={"compute": compute}), settings_from({}))
    assert attributes["op_tags"] == {
        "pipelines/compute": "large",
        "pipelines/time_limit_minutes": "7.5",
        "pipelines/model": MANIFEST.name,
    }
