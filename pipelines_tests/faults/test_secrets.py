"""Planted secrets: used by the step, found nowhere else."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
from databricks.sdk import WorkspaceClient

from pipelines.databricks.staging import Staging
from pipelines_tests.databricks.fixtures import KEY, failure_text
from pipelines_tests.databricks.test_launcher import Run, messages, metadata_of
from pipelines_tests.databricks.wiring import Wiring

SECRET = 'plänted "secret"\nof two lines'
PARTS = [SECRET, "plänted", "of two lines", "pl\\u00e4nted", KEY]


@pytest.fixture
def wires(wired: Wiring, workspace: WorkspaceClient) -> Wiring:
    workspace.secrets.put_secret("launcher", "planted", string_value=SECRET)
    return wired.with_changes(secrets={"PLANTED": ["launcher", "planted"]})


def _assert_clean(text: str) -> None:
    for part in PARTS:
        assert part not in text


@pytest.mark.parametrize("then", ["succeed", "fail"])
def test_secrets_reach_the_step_and_nothing_else(
    run: Run,
    wires: Wiring,
    instance: dg.DagsterInstance,
    workspace: WorkspaceClient,
    settings,
    capfd,
    monkeypatch,
    then: str,
) -> None:
    seen: list[bytes] = []
    launcher = wires.with_changes(environment={"THEN": then})
    # The files are gone afterwards; this looks at them in place of removing them.
    monkeypatch.setattr(Staging, "clean", lambda self, token: seen.extend(_files_below(settings.home, token)))
    result = run("confiding", launcher, raise_on_error=False)
    assert result.success == (then == "succeed"), messages(result)
    if then == "succeed":
        assert metadata_of(result, "confiding")["length"] == len(SECRET)
    else:
        assert "cannot use [REDACTED]" in failure_text(result, "confiding")
    assert len(seen) >= 2
    for content in seen:
        _assert_clean(content.decode())
    for entry in instance.all_logs(result.run_id):
        _assert_clean(entry.to_json())
    captured = capfd.readouterr()
    _assert_clean(captured.out + captured.err)
    for remote in workspace.jobs.list_runs(expand_tasks=True):
        _assert_clean(str(remote.as_dict()))
    logs = [
        path for name in ("stdout", "stderr", "result.json") for path in (settings.home / "development").rglob(name)
    ]
    assert any("printed: [REDACTED]" in path.read_text(encoding="utf-8") for path in logs)
    for path in logs:
        _assert_clean(path.read_text(encoding="utf-8"))


def _files_below(home: Path, token: str) -> list[bytes]:
    return [path.read_bytes() for folder in home.rglob(token) for path in folder.rglob("*") if path.is_file()]
