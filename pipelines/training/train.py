"""Training of one model, end to end: attested gold in, a registered version out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pipelines.models.manifest import load_manifests
from pipelines.models.protocol import ModelCode, load_model_code
from pipelines.settings import Settings
from pipelines.tables.contract import TableName
from pipelines.training.card import Provenance, model_card
from pipelines.training.digests import features_digest
from pipelines.training.gold import read_gold
from pipelines.training.identity import identity_of
from pipelines.training.importance import importance_figure, permutation_importance
from pipelines.training.making import MadeModel, make_model
from pipelines.training.registration import find_version, log_run, register_run
from pipelines.training.registry import FEATURES_TAG, SESSION_SCORES_FILE, TrainedModel, registered_name

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
        made = make_model(manifest, code, gold, engine, settings, say)
        made_from = Provenance(gold.versions, made.sessions, made.unusable, identity.code_digest, lineage)
        say("registering")
        run_id = log_run(
            settings,
            manifest,
            code,
            made.estimator,
            made.example,
            metrics=made.report.metrics,
            baseline_metrics=made.report.baseline_metrics,
            figures=_figures(code, made),
            card=model_card(manifest, made.report, made_from),
            tags={
                **lineage,
                **identity.tags,
                FEATURES_TAG: features_digest(manifest),
                "session_counts": json.dumps(dict(sorted(made.sessions.items()))),
            },
            documents={SESSION_SCORES_FILE: {"sessions": made.session_scores}},
        )
        return register_run(settings, manifest, run_id)


def _silent(_message: str) -> None:
    """Progress that nobody watches."""


def _figures(code: ModelCode, made: MadeModel) -> dict[str, Any]:
    """The figures of the evaluation, and the feature importance on the held-out sessions."""
    rises = permutation_importance(made.estimator, made.held_out, code.LABEL, code.FEATURE_GROUPS, code.FEATURES)
    return {**made.report.figures, "feature_importance": lambda: importance_figure(rises)}
