"""Reading a bare repository of this machine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pipelines.releases.git.command import Done, GitTimeoutError, run_git
from pipelines.releases.git.problem import GitProblemError, Problem

LOCAL_SECONDS = 30.0
"""Limit for what needs no network."""
SUSPECT = "suspect"
"""File in a repository of which something could not be read; a mirror that has it is made anew."""
_ABSENT = ("unknown revision", "bad revision", "not a valid object name", "bad object", "not a tree object")


class AbsentCommitError(GitProblemError):
    """The repository does not have the commit."""


@dataclass(frozen=True)
class Repository:
    """A bare repository in a folder."""

    folder: Path

    def run(self, *arguments: str, given: bytes | None = None, into: BinaryIO | None = None, **extra: str) -> Done:
        """Run a git command here and return however it ended; `extra` is added to its environment.

        Raises:
            GitProblemError: it did not end in time, or git is not installed.
        """
        try:
            located = (f"--git-dir={self.folder}", *arguments)
            return run_git(located, LOCAL_SECONDS, given=given, into=into, variables=extra)
        except GitTimeoutError as error:
            raise GitProblemError(
                Problem("git", f"`git {_name(arguments)}` in {self.folder}: {error}", "It is tried again by itself.")
            ) from None

    def read(self, *arguments: str, given: bytes | None = None, into: BinaryIO | None = None, **extra: str) -> bytes:
        """The output of a git command that must succeed here; `extra` is added to its environment.

        Raises:
            AbsentCommitError: it names a commit that the repository does not have.
            GitProblemError: anything else; the repository is marked as suspect.
        """
        done = self.run(*arguments, given=given, into=into, **extra)
        if done.status == 0:
            return done.stdout
        words = done.stderr[:300]
        if self.folder.is_dir() and any(sign in done.stderr.lower() for sign in _ABSENT):
            raise AbsentCommitError(
                Problem("git", f"{self.folder} does not have what was asked for: {words}", "Fetch the branch first.")
            )
        self.suspect()
        raise GitProblemError(
            Problem(
                "git",
                f"`git {_name(arguments)}` failed in {self.folder}: {words or f'exit code {done.status}'}",
                "The mirror is made anew at the next look.",
            )
        )

    def suspect(self) -> None:
        """Mark the repository as one to be made anew."""
        if self.folder.is_dir():
            (self.folder / SUSPECT).touch()

    def has(self, commit: str) -> bool:
        """Whether the commit is here, with all that it follows from: history is only ever fetched whole."""
        return self.run("cat-file", "-e", f"{commit}^{{commit}}").status == 0

    def blobs(self, objects: Iterable[str]) -> dict[str, bytes]:
        """Contents of blobs by their object ids.

        Raises:
            GitProblemError: one of them cannot be read; the repository is marked as suspect.
        """
        wanted = list(dict.fromkeys(objects))
        if not wanted:
            return {}
        output = self.read("cat-file", "--batch", given="".join(f"{name}\n" for name in wanted).encode())
        found: dict[str, bytes] = {}
        position = 0
        for name in wanted:
            end = output.find(b"\n", position)
            header = output[position:end].split() if end >= 0 else []
            if len(header) != 3:
                self.suspect()
                raise GitProblemError(
                    Problem("git", f"{self.folder} lacks object {name}.", "The mirror is made anew at the next look.")
                )
            size = int(header[2])
            found[name] = output[end + 1 : end + 1 + size]
            position = end + 1 + size + 1
        return found


def _name(arguments: tuple[str, ...]) -> str:
    """The git command, without the settings before it."""
    rest = list(arguments)
    while rest and rest[0] == "-c":
        del rest[:2]
    return rest[0] if rest else ""
