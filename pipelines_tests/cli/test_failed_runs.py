"""What the command line says of a run that failed."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from pipelines.cli import runs
from pipelines.cli.runs import RunFailedError, run_job
from pipelines.environments import settings_from
from pipelines_tests.cli.failing_location import failing_step


def _failure(job: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines of the error, the first of which names run and log."""
    settings = settings_from({"PIPELINES_HOME": str(home)})
    command = runs._command

    def of_failing_location(*given: Any) -> list[str]:
        other = {"pipelines.definitions": "pipelines_tests.cli.failing_location", "development": "definitions"}
        return [other.get(one, one) for one in command(*given)]

    monkeypatch.setattr(runs, "_command", of_failing_location)
    monkeypatch.setenv("DAGSTER_HOME", "")  # so that what the run sets is undone
    with pytest.raises(RunFailedError) as caught:
        run_job(settings, job)
    first, *rest = str(caught.value).splitlines()
    assert f"of job {job} did not succeed; the whole output is in {home / 'logs'}" in first
    return rest


def test_a_run_that_failed_before_its_first_step_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    lines = _failure("without_resource", tmp_path, monkeypatch)
    assert lines == ["Before the first step: There is no engine [here]: start one."]


def test_a_run_that_failed_in_a_step_says_which_and_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert _failure("failing_step", tmp_path, monkeypatch) == ["Step asking: The step's own words."]


@pytest.mark.parametrize(
    ("machine", "status"),
    [(socket.gethostname(), dg.DagsterRunStatus.FAILURE), ("another-container", dg.DagsterRunStatus.STARTED)],
)
def test_only_a_run_of_this_machine_is_known_to_have_died(machine: str, status: dg.DagsterRunStatus):
    gone = str(2**22 + 1)  # above what the kernel gives
    tags = {runs._PROCESS_TAG: gone, runs._MACHINE_TAG: machine}
    with dg.DagsterInstance.ephemeral() as instance:
        run = instance.create_run_for_job(failing_step, tags=tags, status=dg.DagsterRunStatus.STARTED)
        runs.close_dead_runs(instance)
        found = instance.get_run_by_id(run.run_id)
    assert found is not None
    assert found.status is status
