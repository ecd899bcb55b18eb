"""The keys of attested gold as tasks of the two workspaces have them: development signs, production verifies."""

from __future__ import annotations

from pathlib import Path

from databricks.sdk import WorkspaceClient

import pipelines.tables.attestation_keys as module
from pipelines.workspace_names import SECRET_SCOPE
from pipelines_tests.local.conftest import Finished, run_code

MESSAGE = "a gold commit"


def run_with_keys(workspace: WorkspaceClient, cluster: str, code: str) -> Finished:
    """Run code after the module's own, since a task never sees the working tree; `keys` are the workspace's."""
    source = Path(module.__file__).read_text(encoding="utf-8")
    return run_code(workspace, f"{source}\nkeys = KeySecrets({SECRET_SCOPE!r})\n{code}", cluster)


def test_production_verifies_what_development_signs_and_cannot_sign(
    development: WorkspaceClient, development_cluster: str, production: WorkspaceClient, production_cluster: str
) -> None:
    signing = f"print(keys.signing_key().sign({MESSAGE.encode()!r}).hex())"
    signed = run_with_keys(development, development_cluster, signing)
    assert signed.state == ("TERMINATED", "SUCCESS"), signed.logs
    signature = signed.logs.strip()
    for message, outcome in ((MESSAGE, "SUCCESS"), (f"{MESSAGE}, altered", "FAILED")):
        verifying = f"keys.public_key().verify(bytes.fromhex({signature!r}), {message.encode()!r})"
        verified = run_with_keys(production, production_cluster, verifying)
        assert verified.state == ("TERMINATED", outcome), verified.logs
    refused = run_with_keys(production, production_cluster, signing)
    assert refused.state == ("TERMINATED", "FAILED")
    assert f"secret scope {SECRET_SCOPE} of this workspace has no attestation-signing-key" in (refused.error or "")


def test_scope_that_cannot_be_read_is_named(production: WorkspaceClient, production_cluster: str) -> None:
    done = run_code(
        production,
        Path(module.__file__).read_text(encoding="utf-8") + "\nKeySecrets('elsewhere').public_key()",
        production_cluster,
    )
    assert "The secret scope elsewhere cannot be read" in (done.error or "")
