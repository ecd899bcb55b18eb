"""From a release that was requested to its candidates: each model trained, registered and judged, once."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.models.manifest import Manifest, load_manifests
from pipelines.releases.gates.every_gate import judge
from pipelines.releases.gates.result import GateResult
from pipelines.releases.plan import Plan
from pipelines.releases.provenance import Lineage
from pipelines.releases.record import Record
from pipelines.releases.registry import MlflowRegistry
from pipelines.releases.request import request_of
from pipelines.settings import Settings
from pipelines.training.train import train_model

if TYPE_CHECKING:
    from pipelines.engines.engine import Engine
    from pipelines.training.registry import TrainedModel


@dataclass(frozen=True)
class JudgedCandidate:
    """A version made for a release, and what the gates say of it beside the champion that serves now."""

    trained: TrainedModel
    champion: int | None
    results: list[GateResult]


def train_and_judge(
    model: str,
    release: str,
    record: Record,
    engine: Engine,
    settings: Settings,
    dagster_run_id: str,
    say: Callable[[str], None],
) -> JudgedCandidate:
    """Train the model for the release on the gold that was pinned for it, register it, and put it to the gates.

    The version is found where it was made before; it is judged again only if another champion serves.

    Raises:
        NotRequestedError: the release was never requested.
        UnattestedHistoryError, NotEnoughSessionsError: see `train_model`.
    """
    request = request_of(record, release)
    lineage = Lineage(
        commit=release,
        author=request.author,
        signer=request.signer,
        dagster_run_id=dagster_run_id,
        databricks_run_id=os.environ.get("STEP_DATABRICKS_RUN"),
        archive_digest=os.environ.get("STEP_CODE_DIGEST"),
    )
    manifest = load_manifests()[model]
    trained = train_model(model, engine, settings, lineage.tags, say, request.gold_versions, commit=release)
    champion = rival(record.plans.get(model, Plan()).champion, trained.version)
    registry = MlflowRegistry(settings)
    results = registry.results(model, trained.version, champion)
    if not results:
        say("judging at the gates")
        results = judged(registry, manifest, trained.version, champion)
        registry.keep_results(model, trained.version, champion, results)
    return JudgedCandidate(trained, champion, results)


def rival(champion: int | None, version: int) -> int | None:
    """The champion that the version is compared with: none once it is champion itself."""
    return None if champion == version else champion


def judged(registry: MlflowRegistry, manifest: Manifest, version: int, champion: int | None) -> list[GateResult]:
    """What every gate says of the version beside the champion (a version of the same model, or none)."""
    from pipelines.models.session_scoring import load_session_scoring

    with tempfile.TemporaryDirectory(prefix="candidate-") as folder:
        candidate = registry.candidate(manifest.name, version, Path(folder, "candidate"))
        beside = None
        if champion is not None:
            beside = registry.candidate(manifest.name, champion, Path(folder, "champion"))
        return judge(manifest, load_session_scoring(manifest.name), candidate, beside)
