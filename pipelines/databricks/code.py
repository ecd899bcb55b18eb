"""The code that a run ships: one git tree, as an archive whose bytes depend on nothing but its contents."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipelines.machine_cache import cache_folder, kept

DEFAULT_PATHS = ("pipelines", "requirements", "pyproject.toml")
_EPOCH = (1980, 1, 1, 0, 0, 0)


class CodeError(RuntimeError):
    """The code to ship cannot be had; the message says why and what to do."""


@dataclass(frozen=True)
class CodeSnapshot:
    """One state of the code. The same files give the same archive and the same digest, anywhere."""

    commit: str
    """The commit, or the one that the changes of a dirty tree were made on."""
    tree: str
    """Git's name of the tree that was archived."""
    dirty: bool
    """Whether the tree held changes that no commit has."""
    digest: str
    """SHA-256 of the archive."""
    archive: bytes


@dataclass(frozen=True)
class CodeSource:
    """A git repository, and which state of it runs."""

    repository: Path
    revision: str | None = None
    """A commit or the name of one; None is the working tree as it is when a run starts."""
    paths: tuple[str, ...] = DEFAULT_PATHS
    """What is shipped; paths that the tree does not have are passed over."""
    allow_dirty: bool = True
    """Whether a working tree with changes may run; not in production."""

    def snapshot(self) -> CodeSnapshot:
        """The code as it is now.

        Raises:
            CodeError: no such revision, uncommitted changes where none are allowed, or nothing to ship.
        """
        if self.revision is not None:
            commit = self._commit(self.revision)
            return self.archived(commit, self._tree_of(commit), dirty=False)
        head = self._commit("HEAD")
        committed, current = self._tree_of(head), self._working_tree()
        if self._listing(committed) == self._listing(current):
            return self.archived(head, committed, dirty=False)
        if not self.allow_dirty:
            changed = self._git("diff", "--name-only", committed, current, "--", *self.paths).split()
            raise CodeError(
                f"The working tree of {self.repository} has changes that no commit has ({', '.join(changed[:5])}"
                f"{', ...' if len(changed) > 5 else ''}), and here only committed code may run: commit them, or name "
                "the revision to run."
            )
        return self.archived(head, current, dirty=True)

    def archived(self, commit: str, tree: str, dirty: bool) -> CodeSnapshot:
        """The snapshot of a tree that git already has.

        Raises:
            CodeError: git does not have it (any more), or it holds none of the paths to ship.
        """
        folder, name = cache_folder(os.environ) / "code", f"{tree}.{_short_digest(self.paths)}.zip"
        archive = kept(folder, name, lambda: self._archive_of(tree))
        return CodeSnapshot(commit, tree, dirty, hashlib.sha256(archive).hexdigest(), archive)

    def _archive_of(self, tree: str) -> bytes:
        present = [line for line in self._git("ls-tree", "--name-only", tree, "--", *self.paths).splitlines() if line]
        if not present:
            raise CodeError(f"Tree {tree[:12]} of {self.repository} has none of the paths {', '.join(self.paths)}.")
        return _zip_of(self._git_bytes("archive", "--format=tar", tree, "--", *present))

    def _commit(self, revision: str) -> str:
        try:
            return self._git("rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}").strip()
        except CodeError as error:
            raise CodeError(
                f"{self.repository} has no commit {revision!r} to run: fetch it, or commit something. ({error})"
            ) from None

    def _tree_of(self, commit: str) -> str:
        return self._git("rev-parse", f"{commit}^{{tree}}").strip()

    def _listing(self, tree: str) -> str:
        return self._git("ls-tree", "-r", tree, "--", *self.paths)

    def _working_tree(self) -> str:
        """A tree object of the tracked and the untracked, not ignored files, made beside the user's index."""
        index = Path(self.repository, self._git("rev-parse", "--git-path", "index").strip())
        with tempfile.TemporaryDirectory(prefix="index-") as folder:
            own = Path(folder, "index")
            if index.is_file():
                # With it git knows which files it need not read again.
                shutil.copyfile(index, own)
            variables = {"GIT_INDEX_FILE": str(own)}
            self._git("add", "--all", "--", ":/", variables=variables)
            return self._git("write-tree", variables=variables).strip()

    def _git(self, *arguments: str, variables: Mapping[str, str] | None = None) -> str:
        return self._git_bytes(*arguments, variables=variables).decode("utf-8", "surrogateescape")

    def _git_bytes(self, *arguments: str, variables: Mapping[str, str] | None = None) -> bytes:
        # A git hook's own variables would point git at another repository.
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        try:
            done = subprocess.run(
                ["git", "-C", str(self.repository), *arguments],
                capture_output=True,
                check=False,
                env={**inherited, **(variables or {})},
            )
        except FileNotFoundError:
            raise CodeError("git is not installed; it is needed to ship the code that runs.") from None
        if done.returncode:
            words = done.stderr.decode(errors="replace").strip()
            raise CodeError(f"`git {' '.join(arguments[:2])}` failed in {self.repository}: {words}")
        return done.stdout


def _short_digest(paths: tuple[str, ...]) -> str:
    return hashlib.sha256("\0".join(paths).encode()).hexdigest()[:16]


def _zip_of(tar: bytes) -> bytes:
    """The files of a tar archive as a zip archive: in order, without times, not compressed.

    Compressed bytes would differ between versions of zlib, and so would the digest of the same code.
    """
    made = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(tar)) as source, zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as target:
        members = [member for member in source.getmembers() if not member.isdir()]
        for member in sorted(members, key=lambda member: member.name):
            content = source.extractfile(member) if member.isfile() else None
            if content is None:
                raise CodeError(f"{member.name} is a symbolic link or a special file, which is not shipped: remove it.")
            entry = zipfile.ZipInfo(member.name, date_time=_EPOCH)
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            target.writestr(entry, content.read())
    return made.getvalue()
