"""Training of one model, end to end: attested gold in, a registered version out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pipelines.environments import Settings
from pipelines.models.manifest import load_manifests
from pipelines.models.protocol import ModelCode, load_model_code
from pipelines.tables.contract import TableName
from pipelines.training.card import Provenance, model_card
from pipelines.training.digests import features_digest
from pipelines.training.evaluate import Report, evaluate_model
from pipelines.training.examples import Examples, prepared_examples
from pipelines.training.gold import read_gold
from pipelines.training.identity import identity_of
from pipelines.training.importance import importance_figure, permutation_importance
from pipelines.training.inference import load_estimator, save_estimator
from pipelines.training.registration import find_version, log_run, register_run
from pipelines.training.registry import FEATURES_TAG, SESSION_SCORES_FILE, TrainedModel, registered_name
from pipelines.training.scratch import scratch_folder
from pipelines.training.session_scores import with_facts
from pipelines.training.split import KNOWN, TRAIN, VALIDATION

if TYPE_CHECKING:
    from pipelines.engines.engine import Engine


def train_model(
    name: str,
    engine: Engine,
    settings: Settings,
    lineage: Mapping[str, str],
    progress: Callable[[str], None] | None = None,
    gold_versions: Mapping[str, int] | None = None,
    commit: str | None = None,
) -> TrainedModel:
    """A registered version of the model, from attested gold at its newest (or the given) versions.

    The same data, parameters, code and environment give the version that exists already.

    Args:
        lineage: where the training comes from (run id, commit, ...), as snake_case tags of the version.
        progress: told a short sentence at each stage.
        commit: the release that the version is for, which has versions of its own even if nothing else differs.

    Raises:
        UnattestedHistoryError: gold holds a change that no checked run vouches for.
        NotEnoughSessionsError: too few labelled sessions to learn from or to judge by.
    """
    say = progress or _silent
    manifest = load_manifests()[name]
    code = load_model_code(name)
    gold = read_gold(engine, manifest, gold_versions)
    identity = identity_of(manifest, engine.name, gold.versions, commit)
    # Two runs at once would register the same version twice; the second waits and finds the first's.
    with engine.exclusive(TableName.of(registered_name(settings, name))):
        existing = find_version(settings, manifest, identity.digest)
        if existing is not None:
            say(f"{existing.registered_name} version {existing.version} is made of the same: reused")
            return existing
        say("computing features")
        with prepared_examples(engine, manifest, code, gold, scratch_folder(settings), say) as examples:
            say("fitting")
            saved = save_estimator(code.fit(examples.labelled(code, TRAIN, VALIDATION), manifest.parameters))
            # What is judged is what was saved, not what was fitted.
            estimator = load_estimator(saved, code.SKOPS_TRUSTED_TYPES)
            say("judging on held-out sessions")
            report = evaluate_model(manifest, code, examples, saved)
            figures, example = _explained(code, estimator, examples, report)
            sessions, unusable = examples.sessions, examples.unusable
            scores = with_facts(report.session_counts, gold.tables["sessions"])
        made_from = Provenance(gold.versions, sessions, unusable, identity.code_digest, lineage)
        say("registering")
        run_id = log_run(
            settings,
            manifest,
            code,
            estimator,
            example,
            metrics=report.metrics,
            baseline_metrics=report.baseline_metrics,
            figures=figures,
            card=model_card(manifest, report, made_from),
            tags={
                **lineage,
                **identity.tags,
                FEATURES_TAG: features_digest(manifest),
                "session_counts": json.dumps(dict(sorted(sessions.items()))),
            },
            documents={SESSION_SCORES_FILE: {"sessions": scores}},
        )
        return register_run(settings, manifest, run_id)


def _silent(_message: str) -> None:
    """Progress that nobody watches."""


def _explained(code: ModelCode, estimator: Any, examples: Examples, report: Report) -> tuple[dict[str, Any], Any]:
    """The figures with the feature importance, and a few rows of features as the input example."""
    held_out = examples.labelled(code, KNOWN).select("session_id", *code.EXAMPLE_KEY, code.LABEL, *code.FEATURES)
    table = held_out.toPandas().sort_values(["session_id", *code.EXAMPLE_KEY], kind="stable").reset_index(drop=True)
    rises = permutation_importance(estimator, table, code.LABEL, code.FEATURE_GROUPS, code.FEATURES)
    figures = {**report.figures, "feature_importance": lambda: importance_figure(rises)}
    return figures, table[list(code.FEATURES)].astype("float64").head(5)
