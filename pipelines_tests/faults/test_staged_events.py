"""What others put into the staging folder: half-written, forged, copied, or meant to be executed."""

from __future__ import annotations

import io
import json
import os
import pickle
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from databricks.sdk import WorkspaceClient

from pipelines.databricks.remote.segments import ForgedSegmentError, IncompleteSegmentError, opened, sealed
from pipelines_tests.databricks.fixtures import KEY, failure_text, remote_runs, state_of, step_events, until
from pipelines_tests.databricks.test_launcher import Run, messages
from pipelines_tests.databricks.wiring import STAGING, Wiring

FIRST_SEGMENT = r".*/events/000001\.json"


def _events(fault: Callable[..., None], **description: object) -> None:
    fault(path=FIRST_SEGMENT, method="GET", **description)


@pytest.mark.parametrize("kept", [0, 10, 70, 400])
def test_a_half_read_segment_is_read_again(run: Run, instance: dg.DagsterInstance, fault, requests, kept: int) -> None:
    # The first answers are 404, which it matters nothing to cut.
    _events(fault, action="cut", when="after", keep_bytes=kept, times=12)
    result = run("telling")
    assert result.success, messages(result)
    read = [entry for entry in requests() if re.fullmatch(FIRST_SEGMENT, entry["path"]) and entry["status"] == 200]
    assert len(read) >= 2
    told = step_events(instance, result.run_id, "telling")
    assert [event for event in told if event.startswith("LOG")] == [f"LOG: message {number}" for number in range(5)]
    assert told.count("STEP_SUCCESS") == 1


@pytest.mark.parametrize("step", ["waiting", "telling"])
def test_a_segment_whose_rest_never_comes_fails_the_step(
    run: Run, wired: Wiring, workspace: WorkspaceClient, fault, signals: Path, step: str
) -> None:
    """While the step still runs, and after it has ended."""
    _events(fault, action="cut", when="after", keep_bytes=80, times=-1)
    wires = wired.with_changes(settling_s=1.0, environment={"SIGNALS": str(signals)})
    began = time.monotonic()
    result = run(step, wires, raise_on_error=False)
    assert not result.success
    assert time.monotonic() - began < 15, "the default is 20 s"
    text = failure_text(result, step)
    assert "UntrustedEventsError" in text
    assert "000001.json stays incomplete" in text
    [remote] = remote_runs(workspace, result.run_id)
    ended = until(lambda: _ended(workspace.jobs.get_run(remote.run_id)), "the run's end")
    assert ended == ("CANCELED" if step == "waiting" else "SUCCESS")


def _ended(run: Any) -> str | None:
    life_cycle, result = state_of(run)
    return result if life_cycle == "TERMINATED" else None


class _Malicious:
    def __init__(self, trace: Path) -> None:
        self._trace = trace

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self._trace),)


_ENTRY = {"__class__": "EventLogEntry", "user_message": "forged", "level": 20, "run_id": "x", "timestamp": 1.0}
_BODY = json.dumps(
    {"entries": [_ENTRY], "output": "", "about": {}, "last": {"outcome": "success", "error": None}}
).encode()


def _forgeries(trace: Path) -> dict[str, bytes]:
    other = KEY[::-1].encode()
    return {
        "a pickle": pickle.dumps(_Malicious(trace)),
        "json without a header": _BODY,
        "a key of one's own": sealed(other, "token", 0, 1, _BODY),
        "another step's segment": sealed(KEY.encode(), "another-token", 0, 1, _BODY),
        "with more behind it": sealed(KEY.encode(), "another-token", 0, 1, _BODY) + b"more",
    }


@pytest.mark.parametrize("kind", _forgeries(Path()))
def test_a_forged_segment_is_rejected_unread(
    worker, wired: Wiring, instance, workspace: WorkspaceClient, signals: Path, requests, tmp_path: Path, kind: str, run
) -> None:
    trace = tmp_path / "executed"
    wires = wired.with_changes(environment={"SIGNALS": str(signals)})

    def forge() -> None:
        def place() -> str | None:
            paths = [entry["path"] for entry in requests() if re.search(r"/steps/[^/]+/events/", entry["path"])]
            return paths[-1] if paths else None

        until(place, "the launcher's looking for events")
        path = place()
        assert path is not None
        target = path[path.index("/Volumes") :] if "/Volumes" in path else f"/Volumes/{path.partition('Volumes/')[2]}"
        number = int(target[-11:-5]) + 1
        for later in (number - 1, number):
            name = f"{target[:-11]}{later:06d}.json"
            workspace.files.upload(name, io.BytesIO(_forgeries(trace)[kind]), overwrite=True)

    forger = threading.Thread(target=forge)
    forger.start()
    result = run("waiting", wires, raise_on_error=False)
    forger.join()
    assert not result.success
    text = failure_text(result, "waiting")
    assert "was not written by this step" in text
    assert not trace.exists()
    assert "LOG: forged" not in step_events(instance, result.run_id, "waiting")
    [remote] = remote_runs(workspace, result.run_id)
    until(lambda: state_of(workspace.jobs.get_run(remote.run_id))[0] == "TERMINATED", "the run's end")


def test_segments_cannot_change_places() -> None:
    key = KEY.encode()
    data = sealed(key, "token", 1, 1, b"body")
    assert opened(key, "token", 1, 1, data) == b"body"
    for token, attempt, sequence in (("other", 1, 1), ("token", 2, 1), ("token", 1, 2)):
        with pytest.raises(ForgedSegmentError):
            opened(key, token, attempt, sequence, data)
    for length in range(len(data)):
        with pytest.raises(IncompleteSegmentError):
            opened(key, "token", 1, 1, data[:length])
    for position in range(len(data)):
        changed = data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]
        with pytest.raises((ForgedSegmentError, IncompleteSegmentError)):
            opened(key, "token", 1, 1, changed)


def test_nothing_is_left_in_staging_but_code(run: Run, workspace: WorkspaceClient) -> None:
    before = (
        {entry.name for entry in workspace.files.list_directory_contents(f"{STAGING}/steps")} if run("empty") else set()
    )
    result = run("telling")
    assert result.success
    after = {entry.name for entry in workspace.files.list_directory_contents(f"{STAGING}/steps")}
    assert after <= before
