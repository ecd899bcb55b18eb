"""Folders that hold the files of exactly one commit, whole or absent, shared by whoever needs that commit."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import tarfile
import tempfile
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from pipelines.releases.git.locks import LockedError, locked
from pipelines.releases.git.problem import GitProblemError, Problem
from pipelines.releases.git.repository import Repository

_ABANDONED_SECONDS = 3600.0
_PRUNING_SECONDS = 60.0
"""How long to wait for whoever is removing the same checkout."""


@dataclass(frozen=True)
class Checkouts:
    """The checkouts below `root`, a folder per commit."""

    root: Path

    @contextlib.contextmanager
    def use(self, repository: Repository, commit: str) -> Iterator[Path]:
        """The folder of a commit, made if it is not there. While it is in use, nobody prunes it.

        A file in it has the bytes that the commit has, whatever .gitattributes says. Killing the process that makes
        it leaves nothing at that path; a power failure within seconds of the making may leave damaged files.

        Raises:
            AbsentCommitError: the repository does not have the commit.
            GitProblemError: it cannot be read, or holds what must not be written, such as links that leave the folder.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as held:
            try:
                held.enter_context(locked(self._lease(commit), _PRUNING_SECONDS, shared=True))
            except LockedError as error:
                raise GitProblemError(Problem("busy", str(error), "It is tried again by itself.")) from None
            folder = self.root / commit
            if not folder.is_dir():
                self._make(repository, commit, folder)
            yield folder

    def prune(self, keep: Collection[str], unused_seconds: float = _ABANDONED_SECONDS) -> list[str]:
        """Remove the checkouts of other commits than `keep` that are not in use and older than that; return them."""
        removed: list[str] = []
        if not self.root.is_dir():
            return removed
        now = time.time()
        for entry in sorted(self.root.iterdir()):
            name = entry.name
            with contextlib.suppress(LockedError, FileNotFoundError):
                if name.startswith((".draft-", ".gone-")):
                    if entry.stat().st_mtime < now - _ABANDONED_SECONDS:
                        shutil.rmtree(entry, ignore_errors=True)
                elif name.startswith(".lease-"):
                    if not (self.root / name.removeprefix(".lease-")).exists():
                        with locked(entry, 0.0):
                            entry.unlink()
                elif name not in keep and entry.stat().st_ctime <= now - unused_seconds:
                    self._remove(entry)
                    removed.append(name)
        return removed

    def _remove(self, folder: Path) -> None:
        with locked(self._lease(folder.name), 0.0):
            gone = self.root / f".gone-{secrets.token_hex(6)}"
            folder.rename(gone)
            self._lease(folder.name).unlink(missing_ok=True)
        shutil.rmtree(gone, ignore_errors=True)

    def _lease(self, commit: str) -> Path:
        return self.root / f".lease-{commit}"

    def _make(self, repository: Repository, commit: str, folder: Path) -> None:
        draft = self.root / f".draft-{secrets.token_hex(6)}"
        draft.mkdir()
        try:
            with tempfile.TemporaryFile(dir=self.root) as archive:
                repository.read("-c", "tar.umask=0022", "archive", "--format=tar", commit, into=archive)
                archive.seek(0)
                with tarfile.open(fileobj=archive) as tar:
                    tar.extractall(draft, filter="data")
            with contextlib.suppress(OSError):  # another process was first: its folder holds the same
                draft.rename(folder)
            if not folder.is_dir():
                raise GitProblemError(
                    Problem("git", f"{folder} could not be made.", "Look at the rights of the folder that holds it.")
                )
        except tarfile.TarError as error:
            raise GitProblemError(
                Problem(
                    "contents",
                    f"Commit {commit[:12]} cannot be checked out: {error}.",
                    "Remove from the repository what leads out of it, such as links to absolute paths.",
                )
            ) from None
        finally:
            shutil.rmtree(draft, ignore_errors=True)
