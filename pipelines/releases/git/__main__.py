"""`python -m pipelines.releases.git COMMIT`: could this commit be released? To be asked before it is merged.

The same inspection as a release's, so that a pull request to `release` is told what the sensor would refuse.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from pipelines.releases.git.contents import Limits, inspect
from pipelines.releases.git.problem import GitProblemError, Problem
from pipelines.releases.git.repository import Repository
from pipelines.releases.git.tree import read_tree


def problems_of(checkout: Path, revision: str) -> list[str]:
    """What keeps the commit from being released, a sentence each; empty if nothing does.

    Raises:
        GitProblemError: there is no such commit here, or the folder is no checkout.
    """
    folder, commit = _asked(checkout, "--absolute-git-dir"), _asked(checkout, "--verify", f"{revision}^{{commit}}")
    if not folder or not commit:
        what = f"{checkout} has no commit {revision!r}." if folder else f"{checkout} is no checkout of a repository."
        raise GitProblemError(Problem("git", what, "Name a commit, or nothing for the one that is checked out."))
    repository = Repository(Path(folder))
    return [str(problem) for problem in inspect(repository, read_tree(repository, commit), Limits())]


def _asked(checkout: Path, *arguments: str) -> str:
    """What `git rev-parse` answers; nothing if it cannot."""
    command = ["git", "-C", str(checkout), "rev-parse", "--quiet", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


if __name__ == "__main__":
    try:
        found = problems_of(Path.cwd(), sys.argv[1] if len(sys.argv) > 1 else "HEAD")
    except GitProblemError as error:
        sys.exit(str(error))
    print("\n".join(found) or "Nothing keeps this commit from being released.")
    sys.exit(1 if found else 0)
