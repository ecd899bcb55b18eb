"""A bare repository that people push to, and a clone that they work in; all of it real git."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

MODEL = {"pipelines/models/glider/model.yaml": "name: glider\n", "pipelines/models/glider/model.py": "X = 1\n"}


class Origin:
    """Commits that are made here are pushed to `bare`, to branch `release` unless told otherwise."""

    def __init__(self, root: Path) -> None:
        self.bare = root / "origin.git"
        self.work = root / "work"
        self.time = 1_700_000_000
        self._run("git", "init", "-q", "--bare", "--initial-branch=release", str(self.bare), cwd=root)
        self._run("git", "clone", "-q", str(self.bare), str(self.work), cwd=root)
        self.git("checkout", "-q", "-b", "release")

    def git(self, *arguments: str, **variables: str) -> str:
        """Run git in the clone."""
        return self._run("git", *arguments, cwd=self.work, **variables)

    def commit(
        self,
        files: Mapping[str, str | bytes] | None = None,
        message: str = "a change",
        *,
        sign: bool = False,
        push: bool = True,
        variables: Mapping[str, str] | None = None,
    ) -> str:
        """Commit these files (a counter if none are given) and push; returns the commit."""
        self.time += 60
        for name, content in (files or {"counter.txt": str(self.time)}).items():
            file = self.work / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content if isinstance(content, bytes) else content.encode())
        self.git("add", "--all", "--force")
        signing = ["-S"] if sign else ["--no-gpg-sign"]
        self.git("commit", "-q", "--allow-empty", *signing, "-m", message, **self.dates(), **(variables or {}))
        if push:
            self.push()
        return self.head()

    def dates(self) -> dict[str, str]:
        """Times of the next commit, a minute apart."""
        return {"GIT_AUTHOR_DATE": f"{self.time} +0000", "GIT_COMMITTER_DATE": f"{self.time} +0000"}

    def head(self) -> str:
        """The commit that the clone is at."""
        return self.git("rev-parse", "HEAD").strip()

    def push(self, commit: str = "HEAD", branch: str = "release", force: bool = True) -> None:
        """Make the remote's branch that commit."""
        self.git("push", "-q", *(["--force"] if force else []), "origin", f"{commit}:refs/heads/{branch}")

    def back_to(self, commit: str) -> None:
        """Rewind clone and remote."""
        self.git("reset", "-q", "--hard", commit)
        self.push()

    def delete(self, branch: str = "release") -> None:
        """Delete the remote's branch."""
        self._run("git", "update-ref", "-d", f"refs/heads/{branch}", cwd=self.bare)

    @staticmethod
    def _run(*command: str, cwd: Path, **variables: str) -> str:
        identity = {
            "GIT_AUTHOR_NAME": "Amelia",
            "GIT_AUTHOR_EMAIL": "amelia@example.org",
            "GIT_COMMITTER_NAME": "Amelia",
            "GIT_COMMITTER_EMAIL": "amelia@example.org",
        }
        done = subprocess.run(
            command, cwd=cwd, env={**os.environ, **identity, **variables}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout
