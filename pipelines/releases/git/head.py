"""Which commit a branch of the remote is at: one `git ls-remote`, and nothing else."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipelines.releases.git.command import GitTimeoutError, run_git
from pipelines.releases.git.failures import branch_missing, failed, timed_out
from pipelines.releases.git.problem import GitProblemError, Problem
from pipelines.releases.git.remote import Remote

_COMMIT = re.compile(r"^([0-9a-f]{40}|[0-9a-f]{64})$")
_NO_SUCH_REF = 2


@dataclass(frozen=True)
class Head:
    """The commit that the branch is at."""

    commit: str


def read_head(remote: Remote, seconds: float) -> Head | Problem:
    """The branch's commit, or why it cannot be told; always within `seconds`, and never asking anyone."""
    arguments = ["ls-remote", "--exit-code", "--quiet", "--", remote.url, remote.ref]
    try:
        # Not the daemon's own checkout's configuration: where it was started must not matter.
        variables = {**remote.variables(seconds), "GIT_DIR": "/dev/null"}
        done = run_git(arguments, seconds, variables=variables)
    except GitTimeoutError:
        return timed_out(remote, seconds, "answer")
    except GitProblemError as error:
        return error.problem
    if done.status == _NO_SUCH_REF:
        return branch_missing(remote)
    if done.status:
        return failed(remote, done.stderr)
    # Git takes the name for the end of a pattern: others that end alike are listed too.
    for line in done.stdout.decode(errors="replace").splitlines():
        commit, _, name = line.partition("\t")
        if name == remote.ref and is_whole_commit(commit):
            return Head(commit)
    return branch_missing(remote)


def is_whole_commit(text: str) -> bool:
    """Whether `text` is a whole commit id."""
    return bool(_COMMIT.match(text))
