"""The watched branch of an environment: its remote, its mirror, its checkouts, and what is asked of its commits."""

from __future__ import annotations

import os

from pipelines.releases.git.checkouts import Checkouts
from pipelines.releases.git.contents import Limits
from pipelines.releases.git.decision import Rules
from pipelines.releases.git.mirror import Mirror
from pipelines.releases.git.remote import InvalidRemoteError, Remote, remote_from
from pipelines.releases.git.signatures import SignaturePolicy
from pipelines.releases.git.watch import Policy
from pipelines.settings import Settings

NOT_WATCHED = "No repository of the models is watched: the environment's file has no section `git`."


def remote_of(settings: Settings) -> Remote:
    """The branch of the remote that the location follows.

    Raises:
        InvalidRemoteError: the settings name none that can be used.
    """
    git = settings.git
    if not git.url:
        raise InvalidRemoteError(NOT_WATCHED)
    token = os.environ.get(git.token_variable) if git.token_variable else None
    return remote_from(git.url, git.branch, user=git.user, token=token, ssh_command=git.ssh_command)


def mirror_of(settings: Settings) -> Mirror:
    """The mirror of that remote on this machine."""
    return Mirror(settings.git.folder / "mirrors", remote_of(settings))


def checkouts_of(settings: Settings) -> Checkouts:
    """Folders with the files of single commits."""
    return Checkouts(settings.git.folder / "checkouts")


def policy_of(settings: Settings) -> Policy:
    """What is asked: customers' commits follow from each other and hold no notebooks; `main` may do both."""
    git = settings.git
    signatures = SignaturePolicy(git.signatures, git.allowed_signers, git.revoked_keys, git.keyring)
    if settings.location == "production":
        return Policy(signatures=signatures)
    return Policy(Rules(rewritten="accept"), Limits(notebooks=True), signatures)
