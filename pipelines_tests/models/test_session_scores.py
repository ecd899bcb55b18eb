"""Scores by session add up to what `evaluate` says of all of them, for every model."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import pipelines.models
from pipelines.flight.approach_criteria import CRITERIA
from pipelines.flight.maneuvers import MANEUVERS
from pipelines.models import session_scoring
from pipelines.models.manifest import load_manifests
from pipelines.models.protocol import ModelCodeError, load_model_code
from pipelines.models.session_scoring import load_session_scoring

SESSIONS = [f"session-{number}" for number in range(9)]
Drawn = tuple[pd.DataFrame, pd.DataFrame]


def maneuvers(random: np.random.Generator) -> Drawn:
    examples, segments = [], []
    for session_id in SESSIONS:
        truth = np.repeat(random.choice(MANEUVERS[:6], 8), 15).astype(object)
        truth[random.random(120) < 0.1] = None
        examples.append(pd.DataFrame({"session_id": session_id, "second": range(120), "maneuver": truth}))
        guess = np.where(random.random(8) < 0.7, truth[::15], "climb")
        rows = [
            (session_id, number + 1, name or "turn", number * 15 + int(random.integers(-2, 2)), number * 15 + 13)
            for number, name in enumerate(guess)
        ]
        columns = ["session_id", "segment", "maneuver", "start_second", "end_second"]
        segments.append(pd.DataFrame(rows, columns=pd.Index(columns)))
    return pd.concat(examples, ignore_index=True), pd.concat(segments, ignore_index=True)


def approaches(random: np.random.Generator) -> Drawn:
    examples, predictions = [], []
    for session_id in SESSIONS:
        for number in range(1, 5):
            held = {f"{name}_stable": bool(random.random() < 0.8) for name in CRITERIA}
            stable = all(held.values()) if random.random() < 0.9 else None
            examples.append({"session_id": session_id, "approach": number, "is_stable": stable, **held})
            probability = float(np.clip(0.5 + 0.3 * bool(stable) + random.normal(0, 0.3), 0, 1))
            risks = {f"{name}_risk": float(random.random()) for name in CRITERIA}
            predictions.append(
                {
                    "session_id": session_id,
                    "approach": number,
                    "stable_probability": probability if random.random() < 0.9 else np.nan,
                    "expected_failures": [name for name in CRITERIA if risks[f"{name}_risk"] > 0.5],
                    **risks,
                }
            )
    return pd.DataFrame(examples), pd.DataFrame(predictions)


def upsets(random: np.random.Generator) -> Drawn:
    examples, events = [], []
    for session_id in SESSIONS:
        is_upset = np.zeros(400, dtype=object)
        is_upset[:] = False
        for start in random.choice(380, 3, replace=False):
            is_upset[start : start + 8] = True
        if session_id == SESSIONS[3]:
            is_upset[:] = None
        speed = np.where(np.arange(400) < 50, 10.0, 80.0)
        examples.append(
            pd.DataFrame({"session_id": session_id, "second": range(400), "is_upset": is_upset, "airspeed_kt": speed})
        )
        starts = [int(start) for start in random.choice(380, 4, replace=False)]
        starts += [int(np.flatnonzero(is_upset == True)[0])] if session_id != SESSIONS[3] else []  # noqa: E712
        events += [
            {"session_id": session_id, "start_second": start, "end_second": start + 5, "score": float(random.random())}
            for start in sorted(starts)
        ]
    found = pd.DataFrame(events)
    found["is_alarm"] = found["score"] > 0.4
    return pd.concat(examples, ignore_index=True), found


DRAWN: dict[str, Callable[[np.random.Generator], Drawn]] = {
    "maneuver_classifier": maneuvers,
    "approach_stability": approaches,
    "upset_detector": upsets,
}


@pytest.mark.parametrize("name", sorted(load_manifests()))
@pytest.mark.parametrize("seed", range(3))
def test_sessions_add_up_to_the_whole(name: str, seed: int) -> None:
    examples, predictions = DRAWN[name](np.random.default_rng(seed))
    manifest, scoring = load_manifests()[name], load_session_scoring(name)
    assert scoring is not None
    whole = load_model_code(name).evaluate(examples, predictions, manifest.parameters).metrics
    counts: dict[str, Any] = json.loads(json.dumps(scoring.session_counts(examples, predictions, manifest.parameters)))
    assert set(counts) <= set(SESSIONS)
    parts = scoring.metrics_of([counts[session_id] for session_id in sorted(counts)])
    assert manifest.primary_metric.split("_", 1)[1] in parts
    for metric, value in parts.items():
        assert value == pytest.approx(whole[metric], abs=1e-12), metric
        assert 0 < value < 100 or metric == "excess_calibration_error", metric
    twice = scoring.metrics_of([counts[session_id] for session_id in sorted(counts)] * 2)
    primary = manifest.primary_metric.split("_", 1)[1]
    assert twice[primary] == pytest.approx(parts[primary])
    assert all(np.isnan(value) for value in scoring.metrics_of([]).values())


def test_a_model_without_session_scores_has_none_and_half_ones_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "half"
    folder.mkdir()
    (folder / "__init__.py").write_text("", encoding="utf-8")
    monkeypatch.setattr(pipelines.models, "__path__", [*pipelines.models.__path__, str(tmp_path)])
    monkeypatch.setattr(session_scoring, "MODELS_FOLDER", tmp_path)
    assert load_session_scoring("half") is None
    (folder / "session_scores.py").write_text("def metrics_of(counts): ...", encoding="utf-8")
    importlib.invalidate_caches()
    with pytest.raises(ModelCodeError, match=r"half/session_scores\.py: lacks session_counts\(\)"):
        load_session_scoring("half")
