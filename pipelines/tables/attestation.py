"""Attested tables: every commit that changed rows says which run wrote it, and can be checked.

A commit's metadata is the JSON of `attest`, signed for its table with development's private key and with a number
used once, so that a text copied from another commit or written by hand does not pass. Production verifies with the
public key and could not sign.

Limits: who can read the signing key can sign; so it belongs into a secret scope that only the pipelines' principal
can read. Files of a table that are overwritten in place with the same size are not noticed.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.tables.contract import TableName
from pipelines.tables.history import Commit, current_version, history_until, log_state_matches

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from pyspark.sql import DataFrame

    from pipelines.engines.engine import Engine

SCHEMA_VERSION = 2
"""Version of the metadata's own layout."""

_FIELDS = ("run_id", "asset_key", "code_digest", "checks", "attested")


class UnattestedHistoryError(Exception):
    """A table's history holds a change of rows that no attested run made; the message says which and by whom."""

    def __init__(self, table: TableName, version: int, author: str, problem: str) -> None:
        super().__init__(
            f"{table} version {version} by {author}: {problem} Models may not be trained on it. Find out what was "
            f"changed (pipelines.tables.history), then drop {table} and materialize it again from silver."
        )
        self.table = table
        self.version = version
        self.author = author


@dataclass(frozen=True)
class AttestedTable:
    """The rows of a table at a version whose whole history is attested."""

    rows: DataFrame
    name: TableName
    version: int


def attest(run_id: str, asset_key: Sequence[str], code_digest: str, checks: Mapping[str, bool]) -> str:
    """The commit metadata of one run's writes to the asset's table: JSON without quotes or backslashes in values.

    `asset_key` are the key's levels (`TableName.asset_key`), `checks` the results of the checks that the rows'
    sources passed, by name.

    Raises:
        ValueError: a value holds a quote, a backslash or a character outside printable ASCII, or a check failed.
    """
    failed = sorted(name for name, passed in checks.items() if not passed)
    if failed:
        raise ValueError(f"{'/'.join(asset_key)}: checks failed and cannot be attested: {', '.join(failed)}.")
    metadata = json.dumps(
        {
            "run_id": run_id,
            "asset_key": "/".join(asset_key),
            "code_digest": code_digest,
            "checks": dict(sorted(checks.items())),
            "attested": SCHEMA_VERSION,
        }
    )
    if "'" in metadata or "\\" in metadata:
        raise ValueError(f"commit metadata may only hold printable ASCII without quotes or backslashes: {metadata}")
    return metadata


def signed(engine: Engine, table: TableName, metadata: str) -> str:
    """The metadata with a fresh number and the signature for one commit to this table.

    Raises:
        ValueError: the metadata is not that of `attest` for this table's asset.
        AttestationKeyError: the environment has no key that signs.
    """
    values = _values(metadata)
    if (problem := _unfit(values, table)) is not None:
        raise ValueError(f"{table} cannot be written: {problem}")
    values["nonce"] = secrets.token_hex(8)
    values["signature"] = engine.attestation_keys.signing_key().sign(_covered(table, values)).hex()
    return json.dumps(values)


def verify_attested(engine: Engine, name: TableName, version: int) -> None:
    """Walk every commit from 0 to `version` and raise at the first one that is not attested for this table.

    Commits that change no rows (creation, properties, `OPTIMIZE`) need no attestation; a restore does.

    Raises:
        UnattestedHistoryError: a change of rows without valid attestation, or a commit that is gone from the log.
        AttestationKeyError: the public key of the environment cannot be read.
    """
    keys = engine.attestation_keys
    key = keys.public_key()
    used: dict[str, int] = {}
    for each, commit in enumerate(history_until(engine, name, version)):
        if commit is None:
            problem = "its commit is missing from the table's log, so nobody can tell what it changed."
            raise UnattestedHistoryError(name, each, "an unknown writer", problem)
        if commit.changes_data:
            _verify_commit(name, commit, key, keys.place, used)
    if (problem := log_state_matches(engine, name, version)) is not None:
        raise UnattestedHistoryError(name, version, "an unknown writer", problem)


def read_attested(engine: Engine, name: TableName, version: int | None = None) -> AttestedTable:
    """The table's rows at `version` (default: the newest one now), once its history up to there is verified.

    Raises:
        UnattestedHistoryError: see `verify_attested`.
    """
    pinned = current_version(engine, name) if version is None else version
    verify_attested(engine, name, pinned)
    return AttestedTable(engine.table(name, pinned), name, pinned)


def _verify_commit(
    name: TableName, commit: Commit, key: Ed25519PublicKey | None, place: str, used: dict[str, int]
) -> None:
    def refuse(problem: str) -> UnattestedHistoryError:
        when = commit.timestamp.isoformat(timespec="seconds")
        return UnattestedHistoryError(name, commit.version, commit.author, f"{commit.operation} at {when} {problem}")

    if commit.metadata is None:
        raise refuse("changed rows without any attestation.")
    values = _values(commit.metadata)
    if (problem := _unfit(values, name)) is not None:
        raise refuse(f"changed rows without a valid attestation: {problem}")
    if key is None:
        raise refuse(f"is signed with a key that this environment does not have: restore {place}.")
    if not _is_signed(key, name, values):
        raise refuse("changed rows with an attestation whose signature is not this environment's.")
    nonce = str(values["nonce"])
    if nonce in used:
        raise refuse(f"changed rows with the attestation of version {used[nonce]}: it was copied.")
    used[nonce] = commit.version


def _unfit(values: dict[str, Any], table: TableName) -> str | None:
    lacking = [name for name in _FIELDS if values.get(name) is None]
    if lacking:
        return f"its metadata lacks {', '.join(lacking)}."
    if values["attested"] != SCHEMA_VERSION:
        return f"its metadata has the layout {values['attested']!r}, not {SCHEMA_VERSION}."
    expected = "/".join(table.asset_key)
    if values["asset_key"] != expected:
        return f"its metadata attests {values['asset_key']}, not {expected}."
    checks = values["checks"]
    if not isinstance(checks, dict) or not all(passed is True for passed in checks.values()):
        return "its metadata holds checks that failed."
    return None


def _is_signed(key: Ed25519PublicKey, table: TableName, values: dict[str, Any]) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        key.verify(bytes.fromhex(str(values.get("signature"))), _covered(table, values))
    except (InvalidSignature, ValueError):
        return False
    return True


def _covered(table: TableName, values: dict[str, Any]) -> bytes:
    covered = {name: value for name, value in values.items() if name != "signature"}
    return json.dumps([str(table), covered], sort_keys=True).encode()


def _values(metadata: str) -> dict[str, Any]:
    try:
        values = json.loads(metadata)
    except ValueError:
        return {}
    return values if isinstance(values, dict) else {}
