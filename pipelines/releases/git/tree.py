"""The files of a commit, listed without checking it out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from pipelines.releases.git.repository import Repository

MODELS_FOLDER = "pipelines/models"
_MANIFEST = re.compile(rf"^{MODELS_FOLDER}/([^/]+)/model\.yaml$")
_KINDS: dict[str, Literal["file", "link", "submodule"]] = {"120000": "link", "160000": "submodule"}


@dataclass(frozen=True)
class Entry:
    """One path of a commit."""

    path: str
    kind: Literal["file", "link", "submodule"]
    object: str
    size_bytes: int
    """0 for submodules."""


@dataclass(frozen=True)
class Tree:
    """All paths of a commit."""

    commit: str
    entries: tuple[Entry, ...]

    @cached_property
    def manifests(self) -> dict[str, Entry]:
        """The `model.yaml` of each model folder, by the folder's name."""
        found = ((_MANIFEST.match(entry.path), entry) for entry in self.entries if entry.kind == "file")
        return {match[1]: entry for match, entry in found if match}

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the commit's model folders, sorted."""
        return tuple(sorted(self.manifests))


def read_tree(repository: Repository, commit: str) -> Tree:
    """The paths of a commit.

    Raises:
        AbsentCommitError: the repository does not have it.
        GitProblemError: it cannot be read.
    """
    listed = repository.read("ls-tree", "-r", "-l", "-z", "--full-tree", commit)
    entries = []
    for line in listed.decode("utf-8", "surrogateescape").split("\0"):
        if line:
            description, _, path = line.partition("\t")
            mode, _, name, size = description.split()
            entries.append(Entry(path, _KINDS.get(mode, "file"), name, 0 if size == "-" else int(size)))
    return Tree(commit, tuple(entries))


def read_manifests(repository: Repository, tree: Tree) -> dict[str, bytes]:
    """The contents of each `model.yaml` of the commit, by the name of its folder.

    Raises:
        GitProblemError: one cannot be read.
    """
    contents = repository.blobs(entry.object for entry in tree.manifests.values())
    return {name: contents[entry.object] for name, entry in tree.manifests.items()}
