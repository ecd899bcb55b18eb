"""The key that signs attestations: a file in the environment's home, made at its first use."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

_NAME = "attestation.key"


def attestation_key(home: Path) -> bytes:
    """The environment's key; made if there is none. Processes that start at once get the same one."""
    key = existing_attestation_key(home)
    if key is not None:
        return key
    home.mkdir(parents=True, exist_ok=True)
    draft = home / f".{_NAME}.{secrets.token_hex(4)}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(secrets.token_hex(32).encode())
        stream.flush()
        os.fsync(stream.fileno())
    with contextlib.suppress(FileExistsError):  # the other process was first: its key counts
        os.link(draft, home / _NAME)
    draft.unlink()
    return (home / _NAME).read_bytes()


def existing_attestation_key(home: Path) -> bytes | None:
    """The environment's key, or None if nothing was ever signed here."""
    try:
        return (home / _NAME).read_bytes()
    except FileNotFoundError:
        return None
