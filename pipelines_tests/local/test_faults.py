"""Faults on the wire, seen by the SDK: before the handler, after it, and how often."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound, TemporarilyUnavailable
from databricks.sdk.service import jobs
from databricks.sdk.service.catalog import VolumeType

from pipelines.local.settings import LocalSettings
from pipelines_tests.local.conftest import call_local, put_code, wait_for


@pytest.fixture
def fault(settings: LocalSettings, development: WorkspaceClient) -> Iterator[Any]:
    """Switches a fault on; all are off again after the test."""

    def switch_on(**description: Any) -> None:
        call_local(settings, "development", "POST", "/local/faults", description)

    yield switch_on
    call_local(settings, "development", "DELETE", "/local/faults")


@pytest.fixture(scope="module")
def volume(development: WorkspaceClient) -> str:
    development.volumes.create("dev", "default", "faults", VolumeType.MANAGED)
    return "/Volumes/dev/default/faults"


def submit(workspace: WorkspaceClient, cluster_id: str, token: str | None) -> int:
    task = jobs.SubmitTask(
        task_key="a",
        existing_cluster_id=cluster_id,
        spark_python_task=jobs.SparkPythonTask(python_file=put_code(workspace, "print(1)")),
    )
    return workspace.jobs.submit(run_name=token, tasks=[task], idempotency_token=token).response.run_id


def runs_named(workspace: WorkspaceClient, name: str) -> list[int | None]:
    return [run.run_id for run in workspace.jobs.list_runs() if run.run_name == name]


@pytest.mark.parametrize("when", ["before", "after"])
def test_lost_answer_to_submit_is_one_run(
    development: WorkspaceClient, development_cluster: str, fault: Any, when: str
) -> None:
    token = uuid4().hex
    fault(path="/api/2.2/jobs/runs/submit", action="drop", when=when)
    run_id = submit(development, development_cluster, token)
    wait_for(development, run_id)
    assert runs_named(development, token) == [run_id]


def test_lost_answer_without_a_token_is_two_runs(
    development: WorkspaceClient, development_cluster: str, fault: Any
) -> None:
    """What the SDK really does, and why every submission needs a token."""
    task = jobs.SubmitTask(
        task_key="a",
        existing_cluster_id=development_cluster,
        spark_python_task=jobs.SparkPythonTask(python_file=put_code(development, "print(1)")),
    )
    name = uuid4().hex
    fault(path="/api/2.2/jobs/runs/submit", action="drop", when="after")
    waiter = development.jobs.submit(run_name=name, tasks=[task])
    wait_for(development, waiter.response.run_id)
    assert len(runs_named(development, name)) == 2


def test_retry_after_is_waited_for(development: WorkspaceClient, fault: Any) -> None:
    fault(path="/api/2.0/preview/scim/v2/Me", action="respond", status=429, headers={"Retry-After": "1"}, times=2)
    began = time.monotonic()
    assert development.current_user.me().display_name
    assert time.monotonic() - began >= 2


def test_burst_passes_and_flood_is_raised(development: WorkspaceClient, fault: Any) -> None:
    fault(path="/api/2.0/preview/scim/v2/Me", action="respond", status=503, times=2)
    assert development.current_user.me().display_name
    fault(path="/api/2.0/preview/scim/v2/Me", action="respond", status=503, times=-1)
    with pytest.raises(TimeoutError) as raised:
        development.current_user.me()
    assert isinstance(raised.value.__cause__, TemporarilyUnavailable)


def test_upload_acknowledged_and_lost(development: WorkspaceClient, volume: str, fault: Any) -> None:
    fault(path=f"/api/2.0/fs/files{volume}/lost.bin", method="PUT", action="respond", status=204)
    development.files.upload(f"{volume}/lost.bin", io.BytesIO(b"data"))
    with pytest.raises(NotFound):
        development.files.get_metadata(f"{volume}/lost.bin")


def test_upload_cut_short(development: WorkspaceClient, volume: str, fault: Any) -> None:
    fault(path=f"/api/2.0/fs/files{volume}/cut.bin", method="PUT", action="cut", keep_bytes=3)
    development.files.upload(f"{volume}/cut.bin", io.BytesIO(b"0123456789"))
    assert development.files.get_metadata(f"{volume}/cut.bin").content_length == 3


def test_download_cut_short_and_delayed(development: WorkspaceClient, volume: str, fault: Any) -> None:
    development.files.upload(f"{volume}/whole.bin", io.BytesIO(b"0123456789"))
    path = f"/api/2.0/fs/files{volume}/whole.bin"
    fault(path=path, method="GET", action="cut", when="after", keep_bytes=4, skip=1)
    fault(path=path, method="GET", action="delay", delay_s=0.5, skip=1)
    for expected in (b"0123456789", b"0123"):
        contents = development.files.download(f"{volume}/whole.bin").contents
        assert contents is not None
        assert contents.read() == expected
    began = time.monotonic()
    development.files.download(f"{volume}/whole.bin")
    assert time.monotonic() - began >= 0.5


def test_requests_are_counted(settings: LocalSettings, development: WorkspaceClient, volume: str) -> None:
    began = time.time()
    development.files.upload(f"{volume}/counted.bin", io.BytesIO(b"x" * 1000))
    requests = call_local(settings, "development", "GET", f"/local/requests?since={began}")["requests"]
    entry = next(entry for entry in requests if entry["path"].endswith("counted.bin"))
    assert (entry["method"], entry["sent_bytes"], entry["status"]) == ("PUT", 1000, 204)


def test_documented_rates_are_enforced_when_asked_to(settings: LocalSettings, development: WorkspaceClient) -> None:
    call_local(settings, "development", "POST", "/local/rate-limits", {"enabled": True})
    try:
        began = time.time()
        for _ in range(40):
            development.dbfs.exists("/nowhere")
        requests = call_local(settings, "development", "GET", f"/local/requests?since={began}")["requests"]
        statuses = [entry["status"] for entry in requests if entry["path"].startswith("/api/2.0/dbfs")]
        assert statuses.count(404) == 40
        assert max(statuses) == 429 or time.time() - began > 40 / 30
    finally:
        call_local(settings, "development", "POST", "/local/rate-limits", {"enabled": False})
