"""Whether commits carry a signature of someone who may release.

Who that is comes from the settings, outside of every repository: a file of allowed signers for SSH keys (its format is
that of ssh-keygen), a GnuPG home folder of its own for PGP keys, every key of which is trusted. A key must be valid
now, not only at the time that the commit claims to be from, because a commit can claim any time.
"""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipelines.releases.git.problem import Problem
from pipelines.releases.git.repository import Repository

Mode = Literal["off", "head", "range"]
State = Literal["good", "expired", "revoked", "unknown", "bad", "unsigned", "unchecked"]

MOST_COMMITS = 500
"""A longer range is refused rather than half looked at."""
_NAMED = 5
_FORMAT = "%x00".join(("%H", "%G?", "%GF", "%GS", "%GK")) + "%x01"
_STATES: dict[str, State] = {
    "G": "good",
    "U": "unknown",
    "X": "expired",
    "Y": "expired",
    "R": "revoked",
    "B": "bad",
    "N": "unsigned",
    "E": "unchecked",
}
# Git tells ssh-keygen to judge keys by the commit's own time; without that it judges them by now.
_AS_OF_NOW = """#!/bin/sh
for argument do
  shift
  case $argument in -Overify-time=*) ;; *) set -- "$@" "$argument" ;; esac
done
exec ssh-keygen "$@"
"""
_MEANING: dict[State, str] = {
    "good": "signed by a trusted signer",
    "expired": "signed with a key or signature that has expired",
    "revoked": "signed with a key that was revoked",
    "unknown": "signed with a key that is not among the trusted ones",
    "bad": "carries a signature that does not fit its contents",
    "unsigned": "not signed",
    "unchecked": "signed with a key that is not in the keyring",
}


@dataclass(frozen=True)
class Verdict:
    """What a commit's signature is worth."""

    commit: str
    state: State
    signer: str | None
    """Principal of the allowed signers, or user id of the PGP key; None unless the signature itself is valid."""
    fingerprint: str | None
    """Of the key that signed: `SHA256:...` for SSH, hexadecimal for PGP."""

    def __str__(self) -> str:
        by = f" ({self.signer or 'nobody known'}, key {self.fingerprint})" if self.fingerprint else ""
        return f"{self.commit[:12]} is {_MEANING[self.state]}{by}"


@dataclass(frozen=True)
class SignaturePolicy:
    """Which commits must be signed, and by whom."""

    mode: Mode = "off"
    """`head`: the commit to be released. `range`: every commit since the last released one; if there is none yet, the
    commit to be released."""
    allowed_signers: Path | None = None
    """OpenSSH's allowed signers; None trusts no SSH key."""
    revoked_keys: Path | None = None
    """OpenSSH's revoked keys."""
    keyring: Path | None = None
    """GnuPG home folder; None trusts no PGP key."""

    @property
    def digest(self) -> str:
        """Changes with the policy, and with what its files say."""
        made = hashlib.sha256(self.mode.encode())
        ring = [self.keyring / name for name in ("pubring.kbx", "pubring.gpg", "trustdb.gpg")] if self.keyring else []
        for file in (self.allowed_signers, self.revoked_keys, *ring):
            made.update(f"\0{file}\0".encode())
            if file is not None:
                with contextlib.suppress(OSError):  # what cannot be read trusts nobody
                    made.update(file.read_bytes())
        return made.hexdigest()[:16]


def signature_problems(
    repository: Repository, head: str, before: str | None, policy: SignaturePolicy
) -> tuple[list[Verdict], list[Problem]]:
    """The verdicts on the commits that the policy looks at, and why the head may not be released because of them.

    Args:
        repository: Has both commits with their history.
        head: The commit to be released.
        before: The last released commit.
        policy: What must be signed by whom.

    Raises:
        GitProblemError: the repository cannot be read.
    """
    if policy.mode == "off":
        return [], []
    if problem := _unusable(policy):
        return [], [problem]
    commits = [head]
    if policy.mode == "range" and before is not None and before != head:
        since = (f"^{before}",) if repository.has(before) else ()
        listed = repository.read("rev-list", f"--max-count={MOST_COMMITS + 1}", head, *since).decode().split()
        if len(listed) > MOST_COMMITS:
            what = f"More than {MOST_COMMITS} commits lie between {before[:12]} and {head[:12]}."
            return [], [Problem("signature", what, "Check them another way and release with mode `head` once.")]
        commits = listed or [head]
    verdicts = verify(repository, commits, policy)
    wrong = [verdict for verdict in verdicts if verdict.state != "good"]
    if not wrong:
        return verdicts, []
    named = "; ".join(map(str, wrong[:_NAMED])) + (f"; and {len(wrong) - _NAMED} more" if len(wrong) > _NAMED else "")
    return verdicts, [Problem("signature", f"{named}.", _remedy(wrong, policy))]


def verify(repository: Repository, commits: Sequence[str], policy: SignaturePolicy) -> list[Verdict]:
    """A verdict on each commit, in the given order.

    Raises:
        GitProblemError: the repository cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="signatures-") as folder:
        judge = Path(folder, "ssh-keygen-as-of-now")
        judge.write_text(_AS_OF_NOW)
        judge.chmod(0o700)
        nobody = Path(folder, "nobody")
        nobody.mkdir(mode=0o700)
        found = _judged(repository, commits, policy, nobody, str(judge))
        doubtful = [commit for commit in commits if found[commit].state == "unknown"]
        if doubtful and policy.allowed_signers:
            # Unknown now but known at the time of the commit: the key has expired since.
            then = _judged(repository, doubtful, policy, nobody, "ssh-keygen")
            for commit, verdict in then.items():
                if verdict.state == "good":
                    found[commit] = Verdict(commit, "expired", verdict.signer, verdict.fingerprint)
        return [found[commit] for commit in commits]


def _judged(
    repository: Repository, commits: Sequence[str], policy: SignaturePolicy, nobody: Path, ssh_keygen: str
) -> dict[str, Verdict]:
    settings = {
        "gpg.program": "gpg",
        "gpg.openpgp.program": "gpg",
        "gpg.x509.program": "false",
        "gpg.minTrustLevel": "undefined",
        "gpg.ssh.program": ssh_keygen,
        "gpg.ssh.allowedSignersFile": str(policy.allowed_signers or "/dev/null"),
        "gpg.ssh.revocationFile": str(policy.revoked_keys or ""),
        "log.showSignature": "false",
    }
    options = [part for key, value in settings.items() if value for part in ("-c", f"{key}={value}")]
    arguments = ["log", "--no-walk=unsorted", "--stdin", "--no-notes", f"--format={_FORMAT}"]
    given = "".join(f"{commit}\n" for commit in commits).encode()
    shown = repository.read(*options, *arguments, given=given, GNUPGHOME=str(policy.keyring or nobody))
    found = {}
    for line in shown.decode(errors="replace").split("\x01"):
        if line.strip():
            commit, letter, fingerprint, signer, key = line.strip("\n").split("\0")
            found[commit] = _verdict(commit, letter, fingerprint or key, signer)
    return {commit: found.get(commit) or Verdict(commit, "bad", None, None) for commit in commits}


def _verdict(commit: str, letter: str, fingerprint: str, signer: str) -> Verdict:
    state = _STATES.get(letter, "bad")
    if state == "unknown" and fingerprint and not fingerprint.startswith("SHA256:"):
        # The keyring holds only who is trusted, so nobody need sign the keys in it.
        state = "good"
    known = state in ("good", "expired", "revoked")
    return Verdict(commit, state, signer or None if known else None, fingerprint or None)


def _unusable(policy: SignaturePolicy) -> Problem | None:
    remedy = "Correct the path in the settings: nothing is released while signatures cannot be checked."
    if policy.allowed_signers is None and policy.keyring is None:
        what = "Signatures are required, but neither a file of allowed signers nor a keyring is set."
        return Problem("signature", what, "Set one of them, or the signature mode to `off`.")
    if policy.allowed_signers is not None and not policy.allowed_signers.is_file():
        return Problem("signature", f"The file of allowed signers, {policy.allowed_signers}, does not exist.", remedy)
    if policy.revoked_keys is not None and not policy.revoked_keys.is_file():
        return Problem("signature", f"The file of revoked keys, {policy.revoked_keys}, does not exist.", remedy)
    if policy.keyring is not None and not policy.keyring.is_dir():
        return Problem("signature", f"The keyring {policy.keyring} does not exist.", remedy)
    return None


def _remedy(wrong: Sequence[Verdict], policy: SignaturePolicy) -> str:
    states = {verdict.state for verdict in wrong}
    trusted = " or ".join(str(place) for place in (policy.allowed_signers, policy.keyring) if place)
    if states & {"bad", "revoked"}:
        return (
            "Find out who pushed it: someone may be releasing in another's name. Then push commits that are in order."
        )
    if states <= {"unknown", "unchecked", "expired"}:
        return f"If the key may release, add it to {trusted} or renew it there; else sign anew with one that may."
    if policy.mode == "head":
        return "Push one more commit that is signed: `git commit --allow-empty -S`."
    return (
        "Sign each commit before it is pushed (`git config commit.gpgSign true`). These are on the branch already: "
        "push them anew signed and accept the rewritten history, or release once with signature mode `head`."
    )
