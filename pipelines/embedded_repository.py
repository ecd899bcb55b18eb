"""The embedded environment's git remote: a bare repository that holds this project, made at first use."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from pipelines.settings import Settings


class NoRepositoryError(RuntimeError):
    """The project's own git checkout, or a copy of it, cannot be read or written; the message says why."""


def ensure_repository(settings: Settings) -> bool:
    """Make the bare repository of the embedded environment, its branch `main` at the project's last commit.

    Does nothing where the settings name another remote, or where it is there.

    Returns:
        Whether it was made now.

    Raises:
        NoRepositoryError: the project is no git checkout, or git fails.
    """
    target = Path(settings.git.url)
    if target != settings.home / "git" / "models.git" or (target / "HEAD").is_file():
        return False
    assert settings.remote is not None
    project = settings.remote.repository
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".models-{os.getpid()}.git")
    git_in(target.parent, "init", "--quiet", "--bare", "--initial-branch=main", str(draft))
    commit = git_in(project, "rev-parse", "HEAD")
    if git_in(project, "rev-parse", "--is-shallow-repository") == "true":
        # A shallow history cannot be pushed: a commit of the same files stands for it.
        identity = ("-c", "user.name=pipelines", "-c", "user.email=pipelines@localhost")
        commit = git_in(project, *identity, "commit-tree", "-m", f"Files of {commit}", f"{commit}^{{tree}}")
    git_in(project, "push", "--quiet", str(draft), f"{commit}:refs/heads/main")
    draft.rename(target)
    return True


def git_in(folder: Path, *arguments: str) -> str:
    """What a git command says in a checkout or repository of this machine.

    Raises:
        NoRepositoryError: it fails.
    """
    # A git hook's own variables would point git at another repository.
    variables = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False, env=variables
    )
    if done.returncode:
        raise NoRepositoryError(
            f"`git {arguments[0]}` failed in {folder}: {done.stderr.strip()} "
            "Releases need the project as a git checkout."
        )
    return done.stdout.strip()
