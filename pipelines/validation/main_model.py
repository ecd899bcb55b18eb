"""The model of `main` that a branch is compared with."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pipelines.models.manifest import Manifest
from pipelines.releases.gates.candidate import Candidate
from pipelines.releases.registry import MlflowRegistry
from pipelines.settings import Settings
from pipelines.training.registry import (
    CHAMPION,
    GOLD_TAG,
    UnknownModelVersionError,
    connect,
    registered_name,
    version_of_alias,
)


@dataclass(frozen=True)
class MainModel:
    """A registered version of `main`, as the gates of a release would see it, and the gold it was trained on."""

    candidate: Candidate
    gold_versions: Mapping[str, int]


def main_model(settings: Settings, name: str) -> MainModel | None:
    """The version that `main` uses, whatever branch the settings are for; None if it has no model of that name."""
    shared = settings.shared
    try:
        version = version_of_alias(shared, name, CHAMPION)
    except UnknownModelVersionError:
        return None
    with tempfile.TemporaryDirectory(prefix="main-model-") as folder:
        candidate = MlflowRegistry(shared).candidate(name, version, Path(folder))
    return MainModel(replace(candidate, folder=None), json.loads(_tags(shared, name, version).get(GOLD_TAG, "{}")))


def gold_of_main(settings: Settings, manifest: Manifest) -> dict[str, int] | None:
    """The gold versions that `main`'s model was trained on; None if it has no model, or one of other tables."""
    shared = settings.shared
    try:
        version = version_of_alias(shared, manifest.name, CHAMPION)
    except UnknownModelVersionError:
        return None
    versions = json.loads(_tags(shared, manifest.name, version).get(GOLD_TAG, "{}"))
    if not set(manifest.gold_tables) <= set(versions):
        return None
    return {name: int(versions[name]) for name in manifest.gold_tables}


def _tags(settings: Settings, name: str, version: int) -> dict[str, str]:
    return dict(connect(settings).get_model_version(registered_name(settings, name), str(version)).tags)
