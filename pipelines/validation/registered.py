"""A registered version of a branch beside `main`'s."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from pipelines.models.manifest import Manifest
from pipelines.models.session_scoring import load_session_scoring
from pipelines.releases.registry import MlflowRegistry
from pipelines.settings import Settings
from pipelines.training.registry import TrainedModel
from pipelines.validation.comparison import Validation, beside_main
from pipelines.validation.main_model import main_model


def validate_version(settings: Settings, manifest: Manifest, trained: TrainedModel) -> Validation:
    """The version that a branch has trained, compared with the one that `main` uses.

    Raises:
        UnknownModelVersionError: the version is not in the branch's schema.
    """
    with tempfile.TemporaryDirectory(prefix="branch-model-") as folder:
        mine = MlflowRegistry(settings).candidate(manifest.name, trained.version, Path(folder))
    return beside_main(
        manifest,
        load_session_scoring(manifest.name),
        replace(mine, folder=None),
        trained.baseline_metrics,
        trained.gold_versions,
        main_model(settings, manifest.name),
    )
