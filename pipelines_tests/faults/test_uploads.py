"""Uploads that are acknowledged and lost, cut or changed, and sizes at the edges."""

from __future__ import annotations

import io
import os
from contextlib import suppress

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound

from pipelines.databricks.failures import StagingFailedError
from pipelines.databricks.remote.shipped_code import verified
from pipelines.databricks.staging import Staging
from pipelines_tests.databricks.fixtures import failure_text, remote_runs
from pipelines_tests.databricks.test_launcher import Run, messages, metadata_of
from pipelines_tests.databricks.wiring import STAGING, Wiring

MIB = 2**20
UPLOADS = {
    "payload": r".*/payload-.*\.json",
    "code": r".*/code/[0-9a-f]+\.zip",
    "bytecode": r".*/bytecode/.*\.zip",
    "program": r".*/programs/.*\.py",
}


@pytest.fixture
def staging(wired: Wiring) -> Staging:
    return wired.launcher().session().staging


@pytest.fixture
def fresh(repository, staging: Staging, workspace: WorkspaceClient) -> None:
    """Code and program that no earlier test has staged."""
    (repository / "shipped" / "new.py").write_text(f"NEW = {os.urandom(8).hex()!r}\n")
    with suppress(NotFound):  # nothing has been staged yet
        for entry in workspace.files.list_directory_contents(f"{STAGING}/programs"):
            workspace.files.delete(str(entry.path))


@pytest.mark.parametrize("what", UPLOADS)
@pytest.mark.parametrize("fate", ["lost", "cut", "answer lost"])
def test_an_upload_that_does_not_arrive_is_sent_again(run: Run, fault, fresh, what: str, fate: str) -> None:
    path = UPLOADS[what]
    if fate == "lost":
        fault(path=path, method="PUT", action="respond", status=204)
    elif fate == "cut":
        fault(path=path, method="PUT", action="cut", keep_bytes=5)
    else:
        fault(path=path, method="PUT", action="drop", when="after")
    result = run("empty")
    assert result.success, messages(result)


def test_uploads_that_never_arrive_are_told(run: Run, workspace: WorkspaceClient, fault) -> None:
    fault(path=UPLOADS["payload"], method="PUT", action="respond", status=204, times=-1)
    result = run("empty", raise_on_error=False)
    assert not result.success
    assert "uploaded 5 times" in failure_text(result, "empty")
    assert remote_runs(workspace, result.run_id) == []


@pytest.mark.parametrize("what", ["code", "bytecode"])
def test_code_that_was_changed_in_staging_is_not_run_but_staged_anew(
    run: Run, workspace: WorkspaceClient, what: str
) -> None:
    first = run("empty")
    digest = metadata_of(first, "empty")["code_digest"]
    staged = [str(entry.path) for entry in workspace.files.list_directory_contents(f"{STAGING}/{what}")]
    [path] = [one for one in staged if digest in one]
    contents = workspace.files.download(path).contents
    assert contents is not None
    archive = contents.read()
    spoiled = archive.replace(b"committed", b"injected!")
    assert len(spoiled) == len(archive)
    workspace.files.upload(path, io.BytesIO(spoiled), overwrite=True)
    result = run("empty")
    assert result.success, messages(result)
    metadata = metadata_of(result, "empty")
    assert (metadata["what"], metadata["code_digest"]) == ("committed", digest)
    assert len(remote_runs(workspace, result.run_id)) == 2


@pytest.mark.parametrize("size", [0, MIB - 1, MIB, MIB + 1, 64 * MIB], ids=lambda size: f"{size} bytes")
def test_sizes_round_trip(staging: Staging, settings, size: int) -> None:
    data = os.urandom(size)
    token = f"sizes-{size}"
    staged = staging.payload(token, data)
    assert staging.read(staged.path) == data
    volumes = next(settings.home.glob("metastore/**/staging"), None) or next(settings.home.rglob("steps")).parent
    seen_by_task = volumes / "steps" / token / staged.path.rpartition("/")[2]
    assert verified(str(seen_by_task), staged.digest) == data
    staging.clean(token)
    assert staging.read(staged.path) is None


def test_an_upload_that_stays_lost_names_the_file(staging: Staging, fault) -> None:
    fault(path=".*", method="PUT", action="respond", status=204, times=-1)
    with pytest.raises(StagingFailedError, match="payload-"):
        staging.payload("lost", b"{}")
