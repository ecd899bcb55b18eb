"""What a commit must not hold if it is to be released."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from pipelines.releases.git.problem import Problem
from pipelines.releases.git.repository import Repository
from pipelines.releases.git.tree import MODELS_FOLDER, Entry, Tree

MEBIBYTE = 1024**2
CODE_FOLDER = "pipelines"
_LARGE_STORAGE = b"version https://git-lfs.github.com/spec/"
_LONGEST_POINTER_BYTES = 1024
_LONGEST_PATH_BYTES = 4096
# What Databricks writes at the top of a notebook that it exports as source.
_NOTEBOOK_SOURCE = {
    ".py": b"# Databricks notebook source",
    ".r": b"# Databricks notebook source",
    ".sql": b"-- Databricks notebook source",
    ".scala": b"// Databricks notebook source",
}
_NAMED = 5


@dataclass(frozen=True)
class Limits:
    """Bounds of what a commit may hold."""

    largest_file_bytes: int = 10 * MEBIBYTE
    total_bytes: int = 200 * MEBIBYTE
    files: int = 20_000
    notebooks: bool = False
    """Whether notebooks may lie below `pipelines/`; not for what customers get."""


def inspect(repository: Repository, tree: Tree, limits: Limits) -> list[Problem]:
    """Everything in a commit that keeps it from being released, named by path; empty if nothing does.

    Raises:
        GitProblemError: the commit's files cannot be read.
    """
    return [problem for problem in _found(repository, tree, limits) if problem is not None]


def _found(repository: Repository, tree: Tree, limits: Limits) -> Iterator[Problem | None]:
    short = tree.commit[:12]
    yield _refusal(
        f"Commit {short} has files above {limits.largest_file_bytes / MEBIBYTE:.3g} MiB",
        (f"{entry.path} ({entry.size_bytes / MEBIBYTE:.3g} MiB)" for entry in _larger(tree, limits.largest_file_bytes)),
        "Keep data in tables and models in the registry; if the file is meant, raise the limit in the settings.",
    )
    total = sum(entry.size_bytes for entry in tree.entries)
    if total > limits.total_bytes or len(tree.entries) > limits.files:
        yield Problem(
            "contents",
            f"Commit {short} has {len(tree.entries)} files of {total / MEBIBYTE:.4g} MiB in all; the limits are "
            f"{limits.files} files and {limits.total_bytes / MEBIBYTE:.4g} MiB.",
            "Keep data in tables and models in the registry, or raise the limit in the settings.",
        )
        return  # so much is not read to find more
    yield _refusal(
        f"Commit {short} has submodules, whose code the commit does not hold",
        (entry.path for entry in tree.entries if entry.kind == "submodule"),
        "Put that code into the repository or depend on it as a package: `git rm` the submodule.",
    )
    yield _refusal(
        f"Commit {short} has symbolic links that lead out of it",
        _leaving(repository, tree),
        "Replace them by the files that are meant.",
    )
    if not tree.models:
        yield Problem(
            "contents",
            f"Commit {short} has no model: no file matches {MODELS_FOLDER}/*/model.yaml.",
            "If this is the right repository and branch, add a model folder; see docs/adding-a-model.md.",
        )
    yield _refusal(
        f"Commit {short} has pointers of Git LFS where a model's files should be",
        _pointers(repository, tree),
        "Commit the files themselves (`git lfs migrate export`), or keep them in the registry or a table.",
    )
    if not limits.notebooks:
        yield _refusal(
            f"Commit {short} has notebooks below {CODE_FOLDER}/, and production carries none",
            _notebooks(repository, tree),
            "Move what is needed into a module, and the notebook out of the folder, for instance to notebooks/.",
        )


def _refusal(what: str, paths: Iterable[str], remedy: str) -> Problem | None:
    named = sorted(paths)
    if not named:
        return None
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    return Problem("contents", f"{what}: {', '.join(map(_shown, named[:_NAMED]))}{more}.", remedy)


def _shown(path: str) -> str:
    return path if path.isprintable() else ascii(path)


def _larger(tree: Tree, size_bytes: int) -> list[Entry]:
    return [entry for entry in tree.entries if entry.size_bytes > size_bytes]


def _leaving(repository: Repository, tree: Tree) -> Iterator[str]:
    links = {entry.path: entry for entry in tree.entries if entry.kind == "link"}
    targets = repository.blobs(entry.object for entry in links.values() if entry.size_bytes <= _LONGEST_PATH_BYTES)
    for path, entry in links.items():
        if entry.object not in targets:
            yield f"{path} -> a name of {entry.size_bytes} bytes"
            continue
        target = targets[entry.object].decode("utf-8", "surrogateescape")
        joined = PurePosixPath(posixpath.normpath(posixpath.join(posixpath.dirname(path), target)))
        # A link through another link leads wherever that one leads, which its text does not say.
        through = any(str(parent) in links for parent in joined.parents)
        if target.startswith("/") or joined.parts[:1] == ("..",) or through:
            yield f"{path} -> {target}"


def _pointers(repository: Repository, tree: Tree) -> Iterator[str]:
    small = [
        entry
        for entry in tree.entries
        if entry.kind == "file"
        and entry.path.startswith(f"{MODELS_FOLDER}/")
        and len(_LARGE_STORAGE) < entry.size_bytes <= _LONGEST_POINTER_BYTES
    ]
    contents = repository.blobs(entry.object for entry in small)
    yield from (entry.path for entry in small if contents[entry.object].startswith(_LARGE_STORAGE))


def _notebooks(repository: Repository, tree: Tree) -> Iterator[str]:
    code = [entry for entry in tree.entries if entry.kind == "file" and entry.path.startswith(f"{CODE_FOLDER}/")]
    yield from (entry.path for entry in code if entry.path.lower().endswith(".ipynb"))
    written = {entry.path: _NOTEBOOK_SOURCE.get(posixpath.splitext(entry.path)[1].lower()) for entry in code}
    candidates = [entry for entry in code if written[entry.path] and entry.size_bytes < MEBIBYTE]
    contents = repository.blobs(entry.object for entry in candidates)
    for entry in candidates:
        beginning = contents[entry.object].removeprefix(b"\xef\xbb\xbf").lstrip()
        if beginning.startswith(written[entry.path] or b"\0"):
            yield entry.path
