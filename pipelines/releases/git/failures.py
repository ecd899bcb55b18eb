"""What went wrong between git and a remote, from git's own words."""

from __future__ import annotations

from pipelines.releases.git.problem import Problem
from pipelines.releases.git.remote import Remote

_BRANCH_MISSING = ("couldn't find remote ref",)
_UNKNOWN_HOST_KEY = ("host key verification failed", "remote host identification has changed")
_NOT_ALLOWED = (
    "authentication failed",
    "could not read username",
    "could not read password",
    "terminal prompts disabled",
    "permission denied",
    "invalid credentials",
    "error: 401",
    "error: 403",
    "access denied",
)
_NOT_FOUND = (
    "repository not found",
    "does not appear to be a git repository",
    "not a git repository",
    "' not found",
    "error: 404",
    "no such file or directory",
    "access denied or repository not exported",
)
_LOCAL_DISK = ("no space left on device", "disk quota exceeded", "read-only file system")
_SLOW = ("timed out", "operation too slow", "connection timeout")
_MALFORMED = ("fsck error", "error in object", "fsck failed")


def branch_missing(remote: Remote) -> Problem:
    """The remote answers, and has no such branch."""
    return Problem(
        "branch_missing",
        f"{remote.url} has no branch {remote.branch!r}: it was deleted, renamed or never pushed.",
        f"What runs stays as it is. Push the branch again (`git push <remote> <commit>:{remote.ref}`), or correct its "
        "name in the settings.",
    )


def timed_out(remote: Remote, seconds: float, doing: str) -> Problem:
    """The remote did not answer, or not in time."""
    return _too_slow(f"{remote.url} did not {doing} within {seconds:.3g} s.")


def failed(remote: Remote, stderr: str) -> Problem:
    """Why git could not talk to the remote, from what it said on standard error."""
    words = stderr.lower()

    def says(*signs: str) -> bool:
        return any(sign in words for sign in signs)

    said = _in_short(remote, stderr)
    if says(*_BRANCH_MISSING):
        return branch_missing(remote)
    if says(*_UNKNOWN_HOST_KEY):
        return Problem(
            "authentication",
            f"The host of {remote.url} showed an ssh key that this machine does not know. {said}",
            "Compare the key with the one that its operator publishes, and add it to known_hosts of the user that runs "
            "the daemon.",
        )
    if says(*_LOCAL_DISK):
        return Problem(
            "git",
            f"What {remote.url} sent could not be stored on this machine. {said}",
            "Make room on the disk that holds the mirror; it is tried again by itself.",
        )
    if says("access denied or repository not exported"):
        return _not_found(remote, said)
    if says(*_NOT_ALLOWED):
        return Problem(
            "authentication",
            f"{remote.url} refused this machine's credentials, or wants some. {said}",
            "Give the daemon a token or deploy key that may read the repository (settings of the git remote), or renew "
            "the one that expired.",
        )
    if says(*_MALFORMED):
        return Problem(
            "contents",
            f"{remote.url} sent objects that git takes for damaged or malicious. {said}",
            "Run `git fsck` in the repository and repair what it names.",
        )
    if says(*_NOT_FOUND):
        return _not_found(remote, said)
    if says(*_SLOW):
        return _too_slow(f"{remote.url} did not answer in time. {said}")
    return Problem(
        "unreachable",
        f"{remote.url} cannot be reached. {said}",
        "It is asked again later by itself. If that goes on, check the address, the network and the remote's state.",
    )


def _too_slow(what: str) -> Problem:
    return Problem(
        "timed_out",
        what,
        "It is asked again later by itself. If that goes on, try `git ls-remote` on this machine: a proxy, a firewall "
        "or the remote is holding the connection.",
    )


def _not_found(remote: Remote, said: str) -> Problem:
    return Problem(
        "not_found",
        f"There is no repository at {remote.url}, or none that these credentials may see. {said}",
        "Correct the address in the settings, or give the daemon a token or deploy key that may read it.",
    )


def _in_short(remote: Remote, stderr: str) -> str:
    lines = [
        line.strip() for line in stderr.splitlines() if line.strip() and not line.startswith("remote: Enumerating")
    ]
    telling = [line for line in lines if line.lower().startswith(("fatal:", "error:", "ssh:"))] or lines
    text = remote.without_secrets(" ".join(telling))
    return f"Git says: {text[:300]}" if text else "Git gave no reason."
