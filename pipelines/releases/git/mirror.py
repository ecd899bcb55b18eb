"""A bare mirror of a remote, for any number of processes at once.

`<root>/<digest of the remote>/current` is a symbolic link to the mirror of today; a damaged one is replaced by moving
that link, so that readers never see half of one. Who fetches holds a lock that git inherits: no other process writes
while it lives, and what it leaves behind when killed is cleared by the next.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from pipelines.releases.git.command import GitStoppedError, GitTimeoutError, run_git
from pipelines.releases.git.failures import failed, timed_out
from pipelines.releases.git.head import Head, is_whole_commit
from pipelines.releases.git.locks import LockedError, locked
from pipelines.releases.git.problem import GitProblemError, Problem
from pipelines.releases.git.remote import Remote
from pipelines.releases.git.repository import SUSPECT, Repository

GIBIBYTE = 1024**3
_MOST_PACKS = 50
_GENERATION_SECONDS = 3600.0
"""How long a replaced mirror stays for those who still read it."""
# What git says of objects and references of its own that it cannot read.
_DAMAGED = ("is corrupt", "bad object refs/", "unable to read", "does not match index", "not a git repository: '")
# A checkout has the bytes of the commit, whatever its .gitattributes would have git make of them.
_ATTRIBUTES = "* -text -eol -ident -filter -working-tree-encoding -export-ignore -export-subst\n"
# Old repositories have these, and they harm nobody.
_HARMLESS = ("zeroPaddedFilemode", "missingSpaceBeforeDate", "badTimezone", "missingEmail")


@dataclass(frozen=True)
class Mirror:
    """The mirror of one remote below `root`."""

    root: Path
    remote: Remote
    largest_fetch_bytes: int = 2 * GIBIBYTE
    """A fetch that stores more is stopped."""

    @property
    def folder(self) -> Path:
        """Holds the mirror, its lock and its former generations."""
        return self.root / self.remote.digest

    @property
    def repository(self) -> Repository:
        """The mirror as it is now; absent before the first fetch."""
        return Repository((self.folder / "current").resolve())

    def fetch(self, seconds: float, also: str | None = None) -> Head | Problem:
        """Bring the branch here, and say which commit it is at; its whole history is here then.

        Args:
            seconds: Limit for all of it, waiting for another process's fetch included.
            also: A commit to bring as well, even if the branch no longer leads to it; nothing is said if that fails.
        """
        ends = time.monotonic() + seconds
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with locked(self.folder / "lock", seconds) as descriptor:
                self._clear()
                damaged = _is_damaged(self.repository)
                found = self._anew(ends, descriptor) if damaged else self._fetch(self.repository, ends, descriptor)
                if not damaged and isinstance(found, Problem) and _is_damaged(self.repository):
                    found = self._anew(ends, descriptor)
                if also and isinstance(found, Head) and not self.repository.has(also):
                    self._git_fetch(self.repository, ends, descriptor, f"+{also}:refs/kept/{also}")
                return found
        except LockedError:
            return Problem(
                "busy",
                f"Another process went on fetching {self.remote.url} for {seconds:g} s.",
                "It is tried again by itself.",
            )
        except GitProblemError as error:
            return error.problem
        except OSError as error:
            return Problem(
                "git", f"The mirror below {self.folder} cannot be written: {error}.", "Make room or correct its rights."
            )

    def keep(self, commit: str, seconds: float = 30.0) -> None:
        """Never let go of a commit, even if the branch is rewritten.

        Raises:
            GitProblemError: the commit is not here, or the mirror cannot be written.
        """
        try:
            with locked(self.folder / "lock", seconds):
                self.repository.read("update-ref", f"refs/kept/{commit}", commit)
        except LockedError as error:
            raise GitProblemError(Problem("busy", str(error), "Try again.")) from None

    def _anew(self, ends: float, descriptor: int) -> Head | Problem:
        """Make the mirror, or make it anew; it takes the place of the former one once it has the branch.

        What was kept comes along as far as it can still be read.
        """
        name = f"generation-{secrets.token_hex(6)}"
        draft = Repository(self.folder / f".{name}")
        draft.folder.mkdir()
        draft.read("init", "--bare", "--quiet", "--template=", str(draft.folder))
        (draft.folder / "info").mkdir(exist_ok=True)
        (draft.folder / "info" / "attributes").write_text(_ATTRIBUTES)
        found = self._fetch(draft, ends, descriptor)
        if isinstance(found, Problem):
            return found
        if self.repository.folder.is_dir():
            _salvage(self.repository, draft)
        draft.folder.rename(self.folder / name)
        link = self.folder / f".current-{secrets.token_hex(6)}"
        link.symlink_to(name)
        link.replace(self.folder / "current")
        return found

    def _fetch(self, here: Repository, ends: float, descriptor: int) -> Head | Problem:
        name = f"refs/watched/{self.remote.branch}"
        problem = self._git_fetch(here, ends, descriptor, f"+{self.remote.ref}:{name}")
        if problem is not None:
            return problem
        commit = here.read("rev-parse", "--verify", "--end-of-options", name).decode().strip()
        if not is_whole_commit(commit) or not _is_whole(here, commit):
            here.suspect()
            return Problem("git", f"The mirror in {here.folder} is damaged.", "It is made anew at the next look.")
        _tidy(here, ends, descriptor)
        return Head(commit)

    def _git_fetch(self, here: Repository, ends: float, descriptor: int, refspec: str) -> Problem | None:
        arguments = [
            f"--git-dir={here.folder}",
            *("-c", "fetch.fsckObjects=true", "-c", "fetch.unpackLimit=1"),
            *(part for name in _HARMLESS for part in ("-c", f"fetch.fsck.{name}=ignore")),
            *("fetch", "--quiet", "--force", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules"),
            *("--no-auto-maintenance", "--", self.remote.url, refspec),
        ]
        seconds = max(0.0, ends - time.monotonic())
        try:
            done = run_git(
                arguments,
                seconds,
                guarded=True,
                variables=self.remote.variables(seconds),
                inherited=(descriptor,),
                unless=lambda: _arriving_bytes(here) > self.largest_fetch_bytes,
            )
        except GitTimeoutError:
            return timed_out(self.remote, seconds, f"hand over branch {self.remote.branch!r}")
        except GitStoppedError:
            return Problem(
                "too_large",
                f"{self.remote.url} sent more than {self.largest_fetch_bytes / GIBIBYTE:.3g} GiB for one fetch.",
                "Take large files out of the repository's history, or raise the limit in the settings.",
            )
        if done.status and any(sign in done.stderr for sign in _DAMAGED):
            here.suspect()
        return failed(self.remote, done.stderr) if done.status else None

    def _clear(self) -> None:
        """Remove what killed fetches and renewals left; only the lock's holder writes here, and that is us."""
        current = self.repository.folder
        for pattern in ("objects/pack/tmp_*", "objects/??/tmp_obj_*", "**/*.lock"):
            for file in current.glob(pattern):
                file.unlink(missing_ok=True)
        oldest = time.time() - _GENERATION_SECONDS
        for entry in [*self.folder.glob("generation-*"), *self.folder.glob(".generation-*")]:
            with contextlib.suppress(FileNotFoundError):
                if entry != current and (entry.name.startswith(".") or entry.stat().st_mtime < oldest):
                    shutil.rmtree(entry, ignore_errors=True)
        for link in self.folder.glob(".current-*"):
            link.unlink(missing_ok=True)


def _arriving_bytes(here: Repository) -> int:
    total = 0
    for file in here.folder.glob("objects/pack/tmp_*"):
        with contextlib.suppress(FileNotFoundError):
            total += file.stat().st_size
    return total


def _is_damaged(here: Repository) -> bool:
    """Whether the repository is none, is suspect, or has references that lead nowhere."""
    if not (here.folder / "HEAD").is_file() or (here.folder / SUSPECT).exists():
        return True
    listed = here.run("for-each-ref", "--format=%(objecttype)")
    return bool(listed.status or listed.stderr) or not set(listed.stdout.split()) <= {b"commit"}


def _is_whole(here: Repository, commit: str) -> bool:
    """Whether history and files of the commit can be listed; their contents are checked when they are read."""
    walked = here.run("rev-list", "--objects", "--quiet", commit, "--not", "--glob=refs/kept/*")
    return walked.status == 0 and here.run("ls-tree", "-r", "-l", commit).status == 0


def _tidy(here: Repository, ends: float, descriptor: int) -> None:
    """One pack in place of many, now and then; readers are not disturbed, and nothing is lost if it fails."""
    if len(list((here.folder / "objects" / "pack").glob("*.pack"))) < _MOST_PACKS:
        return
    arguments = [f"--git-dir={here.folder}", "repack", "-a", "-d", "-k", "-q"]
    with contextlib.suppress(GitTimeoutError):
        run_git(arguments, max(0.0, ends - time.monotonic()), guarded=True, inherited=(descriptor,))


def _salvage(before: Repository, into: Repository) -> None:
    with contextlib.suppress(GitProblemError):
        for name in before.run("for-each-ref", "--format=%(refname)", "refs/kept").stdout.decode().split():
            into.run("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", str(before.folder), f"+{name}:{name}")
