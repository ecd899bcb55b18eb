"""The branch of a git remote that a code location follows, and what is asked of its commits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class WatchedBranch:
    """Where models come from. Secrets are named by the environment variable that holds them."""

    url: str
    """https, ssh, a local path, ...: whatever git takes. Empty where none is watched."""
    branch: str
    """`release` for production, `main` for development."""
    folder: Path
    """Folder of this machine for the mirror and for checkouts; what is in it can be made again."""
    user: str | None = None
    token_variable: str | None = None
    """Environment variable that holds the token to read with."""
    ssh_command: str = "ssh"
    signatures: Literal["off", "head", "range"] = "off"
    allowed_signers: Path | None = None
    """OpenSSH's file of allowed signers; None trusts no SSH key."""
    revoked_keys: Path | None = None
    keyring: Path | None = None
    """GnuPG home folder; None trusts no PGP key."""
    look_seconds: int = 30
    """Time between two looks at the branch."""
    status_repository: str | None = None
    """`owner/name` on GitHub, for commit statuses; None: none are posted."""
    status_token_variable: str | None = None
    """Environment variable that holds the token to post commit statuses with."""
    status_api: str = "https://api.github.com"
