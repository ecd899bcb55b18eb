"""Environments on Databricks: each a file, nothing local in it, and clear words about what is wrong with one."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml

from pipelines.databricks.compute import ComputeSettings
from pipelines.environment_file import load_environment_file
from pipelines.environments import TASK_SETTINGS, for_task, settings_from
from pipelines.remote_settings import SIZES
from pipelines.settings import InvalidSettingError
from pipelines.workspace_names import LOCATIONS, Location
from pipelines_tests.project.on_databricks import DEPLOY, ON_DATABRICKS

OF_THIS_MACHINE = ("home", "dagster_home", "remote.repository", "git.folder")
"""Where the command line keeps its logs, the checkout whose code is shipped, and the mirror of the models."""


def _flat(values: dict[str, object], prefix: str = "") -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in values.items():
        found |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return found


@pytest.mark.parametrize("location", LOCATIONS)
def test_nothing_on_databricks_is_local(location: Location):
    values = _flat(asdict(settings_from(ON_DATABRICKS, location)))
    kept = json.dumps({name: str(value) for name, value in values.items() if name not in OF_THIS_MACHINE})
    for local in ("127.0.0.1", "localhost", "sqlite", "sail", "file:", str(Path.home()), str(DEPLOY.parent), "/tmp"):
        assert local not in kept
    assert values["warehouse"] is None
    assert str(values["remote.host"]).startswith("https://")


def test_the_two_locations_share_nothing_but_the_landing_zone():
    ours, theirs = (_flat(asdict(settings_from(ON_DATABRICKS, location))) for location in LOCATIONS)
    for name in ("remote.host", "remote.staging", "work", "experiments", "model_schema", "prediction_schema"):
        assert ours[name] != theirs[name], name


@pytest.mark.parametrize("location", LOCATIONS)
def test_a_task_gets_the_settings_of_the_process_that_launched_it(location: Location):
    settings = settings_from(ON_DATABRICKS, location)
    in_task = settings_from({TASK_SETTINGS: for_task(settings), "PIPELINES_ENVIRONMENT": "embedded"}, location)
    assert in_task.in_task
    assert in_task.landing == Path("/Volumes/main/landing/uploads")
    assert (in_task.engine, in_task.model_schema) == (settings.engine, settings.model_schema)


def test_a_task_is_told_no_credentials():
    assert "CLIENT_SECRET" not in for_task(settings_from(ON_DATABRICKS, "production"))


@pytest.mark.parametrize("location", LOCATIONS)
def test_the_examples_offer_every_size_class(location: Location):
    remote = settings_from(ON_DATABRICKS, location).remote
    assert remote is not None
    assert set(ComputeSettings.model_validate(remote.compute).sizes) == set(SIZES)


@pytest.mark.parametrize("location", LOCATIONS)
def test_the_examples_install_the_locked_versions(location: Location):
    remote = settings_from(ON_DATABRICKS, location).remote
    assert remote is not None
    lock = (DEPLOY.parent / "requirements" / "runtime.lock").read_text()
    for size in ComputeSettings.model_validate(remote.compute).sizes.values():
        packages = size.packages or (size.serverless.dependencies if size.serverless else ())
        assert packages
        assert [package for package in packages if f"\n{package} " not in lock] == []


def test_uncommitted_code_runs_in_development_only():
    development, production = (settings_from(ON_DATABRICKS, location).remote for location in LOCATIONS)
    assert development is not None
    assert production is not None
    assert (development.allow_dirty, production.allow_dirty) == (True, False)


def test_a_missing_file_is_asked_for_by_its_variable():
    with pytest.raises(InvalidSettingError, match="PIPELINES_PRODUCTION is not set"):
        settings_from({"PIPELINES_ENVIRONMENT": "databricks"}, "production")
    with pytest.raises(InvalidSettingError, match="cannot be read"):
        load_environment_file(Path("/nowhere.yaml"))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"workspace": {"host": "http://somewhere"}}, "workspace.host"),
        ({"landing": "/data"}, "landing"),
        ({"staging": "dbfs:/staging"}, "staging"),
        ({"stagging": "/Volumes/dev/x"}, "stagging"),
    ],
)
def test_a_wrong_key_is_named(change: dict[str, object], told: str, tmp_path: Path):
    file = tmp_path / "environment.yaml"
    content = yaml.safe_load((DEPLOY / "development.yaml").read_text())
    file.write_text(yaml.safe_dump(content | change))
    with pytest.raises(InvalidSettingError, match=told):
        load_environment_file(file)
