"""A model made from gold: features, fit, and how it does on held-out sessions. Registers nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.models.manifest import Manifest
from pipelines.models.protocol import ModelCode
from pipelines.settings import Settings
from pipelines.training.evaluate import Report, evaluate_model
from pipelines.training.examples import Examples, prepared_examples
from pipelines.training.gold import Gold
from pipelines.training.inference import load_estimator, save_estimator
from pipelines.training.scratch import scratch_folder
from pipelines.training.session_scores import with_facts
from pipelines.training.split import KNOWN, TRAIN, VALIDATION

if TYPE_CHECKING:
    import pandas as pd

    from pipelines.engines.engine import Engine

_EXAMPLE_ROWS = 5


@dataclass(frozen=True)
class MadeModel:
    """A fitted estimator with all that is known of it."""

    estimator: Any
    held_out: pd.DataFrame
    """session_id, the examples' key, label and features of the known types' test sessions, in order."""
    example: pd.DataFrame
    """A few of its rows, features alone: the input example."""
    report: Report
    sessions: Counter[str]
    """Labelled sessions per part of the split."""
    unusable: tuple[str, ...]
    """Why sessions were left out, a sentence each."""
    session_scores: list[dict[str, Any]]
    """Held-out sessions one by one, as JSON rows."""


def make_model(
    manifest: Manifest, code: ModelCode, gold: Gold, engine: Engine, settings: Settings, say: Callable[[str], None]
) -> MadeModel:
    """Fit the model on gold and judge it on sessions that it did not see.

    Args:
        say: told a short sentence at each stage.

    Raises:
        NotEnoughSessionsError: too few labelled sessions to learn from or to judge by.
    """
    say("computing features")
    with prepared_examples(engine, manifest, code, gold, scratch_folder(settings), say) as examples:
        say("fitting")
        saved = save_estimator(code.fit(examples.labelled(code, TRAIN, VALIDATION), manifest.parameters))
        # What is judged is what was saved, not what was fitted.
        estimator = load_estimator(saved, code.SKOPS_TRUSTED_TYPES)
        say("judging on held-out sessions")
        report = evaluate_model(manifest, code, examples, saved)
        held_out = _held_out(code, examples)
        return MadeModel(
            estimator=estimator,
            held_out=held_out,
            example=held_out.reindex(columns=list(code.FEATURES)).astype("float64").head(_EXAMPLE_ROWS),
            report=report,
            sessions=examples.sessions,
            unusable=examples.unusable,
            session_scores=with_facts(report.session_counts, gold.tables["sessions"]),
        )


def _held_out(code: ModelCode, examples: Examples) -> pd.DataFrame:
    rows = examples.labelled(code, KNOWN).select("session_id", *code.EXAMPLE_KEY, code.LABEL, *code.FEATURES)
    return rows.toPandas().sort_values(["session_id", *code.EXAMPLE_KEY], kind="stable").reset_index(drop=True)
