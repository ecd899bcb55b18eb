"""`pipelines analyze`: what it refuses, and that a refusal leaves nothing with the customer."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipelines.cli import analyze as module
from pipelines.cli.analyze import analyze
from pipelines.cli.instance import open_instance
from pipelines.customers.requests import MOST_SESSIONS
from pipelines.environments import settings_from


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a customer who is onboarded; a daemon of Dagster's is said to run, so that nothing is begun."""
    monkeypatch.setenv("PIPELINES_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.setattr(module, "_daemon_runs", lambda _: True)
    folder = tmp_path / "home" / "customers" / "acme"
    for each in ("inbox", "sessions"):
        (folder / each).mkdir(parents=True)
    with open_instance(settings_from({"PIPELINES_HOME": str(tmp_path / "home")}, "production")) as instance:
        instance.add_dynamic_partitions("customers", ["acme"])
    return folder


def _asked(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "400"}).invoke(analyze, ["acme", *arguments])


def _left(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_what_is_refused_leaves_nothing_with_the_customer(acme: Path, tmp_path: Path) -> None:
    log, part = tmp_path / "a b.csv", tmp_path / "later.csv.part"
    for each in (log, part):
        each.write_text("a log")
    for arguments, words in (
        ([str(log), "--model", "Bad=3"], "no model's name"),
        ([str(log), "--model", "a_model=0"], "models.a_model"),
        ([str(log), str(part)], "unfinished upload"),
        ([str(log), str(tmp_path / "absent.csv")], "neither a file nor the id of a session"),
        ([str(log), *["0123456789abcdef"] * MOST_SESSIONS], f"{MOST_SESSIONS} at most"),
    ):
        refused = _asked(*arguments)
        assert (refused.exit_code, words in refused.output) == (2, True), refused.output
        assert _left(acme) == []


def test_what_is_asked_for_lies_beside_its_request(acme: Path, tmp_path: Path) -> None:
    log = tmp_path / "a b.csv"
    log.write_text("a log")
    asked = _asked(str(log), "0123456789abcdef", "--model", "a_model=3")
    assert asked.exit_code == 0, asked.output
    request, session = _left(acme)
    assert request.startswith("inbox/asked-")
    assert session == "sessions/a b.csv"
