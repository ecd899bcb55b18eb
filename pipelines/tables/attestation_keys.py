"""The keys of attested tables: an Ed25519 pair. Who signs holds both, who only verifies holds the public one.

In a task they are secrets of its workspace, else files below the environment's home. Keys are written as the 64
hexadecimal digits of their 32 bytes.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from abc import ABC, abstractmethod
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SIGNING_KEY = "attestation-signing-key"
PUBLIC_KEY = "attestation-public-key"


class AttestationKeyError(RuntimeError):
    """A key that is needed is not to be had or is none; the message says where it was looked for and what to do."""


class AttestationKeys(ABC):
    """Where an environment has its keys."""

    @abstractmethod
    def signing_key(self) -> Ed25519PrivateKey:
        """The key that signs.

        Raises:
            AttestationKeyError: this environment may only verify, or the key is damaged.
        """

    @abstractmethod
    def public_key(self) -> Ed25519PublicKey | None:
        """The key that verifies; None if nothing was ever signed here.

        Raises:
            AttestationKeyError: the key cannot be read or is damaged.
        """

    @property
    @abstractmethod
    def place(self) -> str:
        """Where the keys belong, for messages."""


class KeyFiles(AttestationKeys):
    """Two files in a folder; the pair is made when something is first signed, unless the public key is there alone."""

    def __init__(self, folder: Path) -> None:
        self._signing, self._public = folder / "attestation-signing.key", folder / "attestation-public.key"

    @property
    def place(self) -> str:
        return f"{self._public.name} in {self._public.parent}"

    def signing_key(self) -> Ed25519PrivateKey:
        if not self._signing.exists() and self._public.exists():
            raise AttestationKeyError(
                f"{self._signing} is missing and {self._public.name} is there, so what is signed there is only "
                "verified here. If it was signed here, restore the file."
            )
        if not self._signing.exists():
            _write(self._signing, secrets.token_hex(32), 0o600)
        key = _private(self._signing.read_text(), str(self._signing))
        if not self._public.exists():
            _write(self._public, key.public_key().public_bytes_raw().hex(), 0o644)
        return key

    def public_key(self) -> Ed25519PublicKey | None:
        if self._public.exists():
            return _verifying(self._public.read_text(), str(self._public))
        return self.signing_key().public_key() if self._signing.exists() else None


class KeySecrets(AttestationKeys):
    """Two secrets of the workspace that this task runs in; production's holds the public key alone."""

    def __init__(self, scope: str) -> None:
        self._scope = scope

    @property
    def place(self) -> str:
        return f"{PUBLIC_KEY} in the secret scope {self._scope}"

    def signing_key(self) -> Ed25519PrivateKey:
        if SIGNING_KEY not in self._keys:
            raise AttestationKeyError(
                f"The secret scope {self._scope} of this workspace has no {SIGNING_KEY}, so nothing can be signed "
                "here: gold is written in development, where `pipelines bootstrap development --apply` makes the key."
            )
        return _private(self._read(SIGNING_KEY), f"{self._scope}/{SIGNING_KEY}")

    def public_key(self) -> Ed25519PublicKey | None:
        if PUBLIC_KEY not in self._keys:
            raise AttestationKeyError(
                f"The secret scope {self._scope} of this workspace has no {PUBLIC_KEY}, so gold cannot be verified: "
                "`pipelines bootstrap` with --apply puts it there."
            )
        return _verifying(self._read(PUBLIC_KEY), f"{self._scope}/{PUBLIC_KEY}")

    @cached_property
    def _secrets(self) -> Any:
        from pyspark.sql import SparkSession

        # Only a task has this module, on Databricks as here; the SDK's own way takes seconds to import.
        return import_module("pyspark.dbutils").DBUtils(SparkSession.builder.getOrCreate()).secrets

    @cached_property
    def _keys(self) -> set[str]:
        try:
            return {entry.key for entry in self._secrets.list(self._scope)}
        except Exception as error:
            raise AttestationKeyError(
                f"The secret scope {self._scope} cannot be read: {error} Gold is written and verified by the service "
                "principal of the pipelines; grant READ on the scope to who else should."
            ) from error

    def _read(self, key: str) -> str:
        return self._secrets.get(self._scope, key)


def _write(file: Path, text: str, mode: int) -> None:
    """Write the file unless there is one; processes that start at once get the same one, whole."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    with contextlib.suppress(FileExistsError):  # the other process was first: its key counts
        os.link(draft, file)
    draft.unlink()


def _private(text: str, origin: str) -> Ed25519PrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(_bytes(text, origin))


def _verifying(text: str, origin: str) -> Ed25519PublicKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    return Ed25519PublicKey.from_public_bytes(_bytes(text, origin))


def _bytes(text: str, origin: str) -> bytes:
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) != 32:
        # Never the text itself: it may be most of a key.
        raise AttestationKeyError(f"{origin} is no Ed25519 key of 64 hexadecimal digits: restore it.")
    return key
