"""The workflows, as far as they can be checked without GitHub: targets, commands, files, versions, permissions."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from pipelines.branches import SHARED_BRANCHES
from pipelines.cli import cli

PROJECT = Path(__file__).resolve().parents[2]
FOLDER = PROJECT / ".github"
WORKFLOWS = {file.stem: yaml.safe_load(file.read_text()) for file in sorted((FOLDER / "workflows").glob("*.yml"))}
RULESETS = {file.stem: json.loads(file.read_text()) for file in sorted((FOLDER / "rulesets").glob("*.json"))}
TARGETS = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))


def triggers(workflow: dict[Any, Any]) -> dict[str, Any]:
    return workflow[True]  # YAML 1.1 takes the key `on` for a truth value


def steps(workflow: dict[Any, Any]) -> Iterator[dict[str, Any]]:
    for job in workflow["jobs"].values():
        yield from job["steps"]


def commands() -> list[list[str]]:
    """Every simple command of every `run:`, in words."""
    lines = [line for flow in WORKFLOWS.values() for step in steps(flow) for line in step.get("run", "").splitlines()]
    return [shlex.split(line, comments=True) for line in lines if not line.rstrip().endswith(("{", "}"))]


def test_there_are_workflows_for_both_branches():
    assert set(WORKFLOWS) == {"ci", "validate", "release"}
    assert triggers(WORKFLOWS["validate"])["pull_request"]["branches"] == ["main"]
    assert triggers(WORKFLOWS["release"])["pull_request"]["branches"] == ["release"]
    assert set(triggers(WORKFLOWS["ci"])) == {"push", "pull_request"}


def test_make_targets_and_scripts_that_are_called_exist():
    made = [word for words in commands() if words[:1] == ["make"] for word in words[1:]]
    assert "setup" in made
    assert set(made) <= TARGETS
    assert [words[0] for words in commands() if words and words[0].startswith(".ci/")] == [".ci/run"]
    called = re.search(r"for target in ([a-z -]+);", (PROJECT / ".ci" / "run").read_text())
    assert called is not None
    assert {"check", "test"} <= set(called[1].split()) <= TARGETS


def test_commands_of_pipelines_that_are_called_exist_with_their_options():
    called = [words[1:] for words in commands() if words[:1] == [".venv/bin/pipelines"]]
    assert [words[0] for words in called] == ["simulate", "ingest", "train", "down", "--branch"]
    for words in called:
        # Parsed by the commands themselves, up to the point where they would run.
        values = ["5" if word == "$SESSIONS" else word.replace("$UPLOAD_DAY", "2026-01-05") for word in words]
        context = click.Context(cli)
        if values[0] == "--branch":
            values = values[2:]
        command = cli.get_command(context, values[0])
        assert command is not None, words
        command.make_context(values[0], values[1:], parent=context)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_script_is_valid_shell_and_takes_nothing_from_expressions(name: str):
    for step in steps(WORKFLOWS[name]):
        if "run" in step:
            # What a pull request's author can choose, such as a branch's name, reaches the shell by variables alone.
            assert "${{" not in step["run"], step
            subprocess.run(["bash", "-n", "-c", step["run"]], check=True)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_actions_are_pinned_to_a_full_version(name: str):
    used = [step["uses"] for step in steps(WORKFLOWS[name]) if "uses" in step]
    assert used
    assert [each for each in used if not re.fullmatch(r"actions/[a-z-]+@v\d+\.\d+\.\d+", each)] == []


@pytest.mark.parametrize("name", WORKFLOWS)
def test_permissions_are_minimal(name: str):
    workflow = WORKFLOWS[name]
    assert workflow["permissions"] == {"contents": "read"}
    writing = {job: each["permissions"] for job, each in workflow["jobs"].items() if "permissions" in each}
    assert writing == ({"comment": {"pull-requests": "write"}} if name == "validate" else {})
    for step in steps(workflow):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


def test_the_job_that_may_write_runs_nothing_of_the_pull_request():
    job = WORKFLOWS["validate"]["jobs"]["comment"]
    assert not any("checkout" in step.get("uses", "") for step in job["steps"])
    assert "head.repo.full_name == github.repository" in job["if"]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_the_environment_is_cached_by_the_lock_files(name: str):
    cached = [step["with"] for step in steps(WORKFLOWS[name]) if step.get("uses", "").startswith("actions/cache@")]
    (venv,) = [each for each in cached if ".venv" in each["path"]]
    assert "hashFiles('requirements/*', 'pyproject.toml')" in venv["key"]


def test_both_branches_are_protected_by_checks_that_exist():
    jobs = {job for workflow in WORKFLOWS.values() for job in workflow["jobs"]}
    assert sorted(RULESETS) == sorted(SHARED_BRANCHES)
    for name, ruleset in RULESETS.items():
        rules = {rule["type"]: rule.get("parameters", {}) for rule in ruleset["rules"]}
        assert ruleset["conditions"]["ref_name"]["include"] == [f"refs/heads/{name}"]
        assert ruleset["enforcement"] == "active"
        assert {"non_fast_forward", "deletion"} <= set(rules)
        assert rules["pull_request"]["required_approving_review_count"] >= 1
        assert rules["pull_request"]["require_code_owner_review"] is True
        needed = {check["context"] for check in rules["required_status_checks"]["required_status_checks"]}
        assert needed <= jobs
        assert "ci" in needed


def test_code_owners_name_folders_that_exist():
    lines = [line.split() for line in (FOLDER / "CODEOWNERS").read_text().splitlines() if line[:1] not in ("#", "")]
    assert lines[0][0] == "*"
    for path, *owners in lines:
        assert path == "*" or (PROJECT / path.strip("/")).is_dir()
        assert owners
        assert all(owner.startswith("@") for owner in owners)
