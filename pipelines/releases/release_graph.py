"""Which models the production location shows: those of the commit that is to be released.

A commit may add or remove models. Before it is released, its manifests become those that the code location is built
from, and the location is loaded anew. In a step the shipped code is that commit's, so its own manifests are right.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from pipelines.flight.fast_yaml import load_yaml
from pipelines.models.manifest import MODELS_FOLDER
from pipelines.settings import Settings

_LINK = "release-graph"
_OF_THE_GRAPH = ("name", "owner", "description", "gold_tables", "compute")


def released_models_folder(settings: Settings) -> Path:
    """The folder of model folders to build the graph from: this code's own until a commit was chosen."""
    chosen = settings.git.folder / _LINK / "pipelines" / "models"
    return chosen if not settings.in_task and chosen.is_dir() else MODELS_FOLDER


def choose_release_graph(settings: Settings, checkout: Path) -> None:
    """Build the graph from the manifests of this checkout from now on, whenever the location is loaded."""
    link = settings.git.folder / _LINK
    draft = link.with_name(f".{_LINK}-{os.getpid()}")
    draft.unlink(missing_ok=True)
    draft.symlink_to(checkout)
    draft.replace(link)


def graph_of(models: Path) -> dict[str, str]:
    """By model, a digest of what its manifest says to the graph: two folders that agree give the same graph.

    Parameters, thresholds and the like are read by the steps, from the code that is shipped to them.
    """
    found = {}
    for file in sorted(models.glob("*/model.yaml")):
        content = load_yaml(file.read_text(encoding="utf-8"))
        said = {key: content.get(key) for key in _OF_THE_GRAPH}
        found[file.parent.name] = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
    return found
