"""`python -m pipelines.releases.git COMMIT`: could this commit be released? To be asked before it is merged.

The same inspection as a release's, so that a pull request to `release` is told what the sensor would refuse.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from pipelines.releases.git.contents import Limits, inspect
from pipelines.releases.git.problem import GitProblemError
from pipelines.releases.git.repository import Repository
from pipelines.releases.git.tree import read_tree


def problems_of(checkout: Path, revision: str) -> list[str]:
    """What keeps the commit from being released, a sentence each; empty if nothing does.

    Raises:
        GitProblemError: git does not know the commit, or the folder is no checkout.
    """
    asked = ["git", "-C", str(checkout), "rev-parse", "--absolute-git-dir"]
    folder = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    repository = Repository(Path(folder or checkout / ".git"))
    commit = repository.read("rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}").decode().strip()
    return [str(problem) for problem in inspect(repository, read_tree(repository, commit), Limits())]


if __name__ == "__main__":
    try:
        found = problems_of(Path.cwd(), sys.argv[1] if len(sys.argv) > 1 else "HEAD")
    except GitProblemError as error:
        sys.exit(str(error))
    print("\n".join(found) or "Nothing keeps this commit from being released.")
    sys.exit(1 if found else 0)
