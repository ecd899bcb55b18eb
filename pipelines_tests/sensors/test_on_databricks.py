"""Sensors and schedules in the environment `databricks`, with files that leave out all that may be left out."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from pipelines import definitions
from pipelines.workspace_names import LOCATIONS, Location
from pipelines_tests.project.on_databricks import DEPLOY

OPTIONAL = ("git", "landing", "customers", "dagster_url")
NOT_WATCHED = "No repository of the models is watched"
SAID: dict[Location, dict[str, str]] = {
    "development": {"landing_zone": "names no landing zone", "main_branch": NOT_WATCHED},
    "production": {
        "customer_requests": "no customers' zone",
        "release_branch": NOT_WATCHED,
        "shared_labels": "No new correction is shared.",
    },
}


@pytest.fixture(autouse=True)
def _environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIPELINES_ENVIRONMENT", "databricks")
    monkeypatch.setenv("PIPELINES_HOME", str(tmp_path / "home"))
    for name in LOCATIONS:
        whole = yaml.safe_load((DEPLOY / f"{name}.yaml").read_text(encoding="utf-8"))
        kept = {key: value for key, value in whole.items() if key not in OPTIONAL}
        file = tmp_path / f"{name}.yaml"
        file.write_text(yaml.safe_dump(kept), encoding="utf-8")
        monkeypatch.setenv(f"PIPELINES_{name.upper()}", str(file))


def _resources(loaded: dg.Definitions) -> dict[str, Any]:
    """What sensors and schedules ask for."""
    assert loaded.resources is not None
    return {name: loaded.resources[name] for name in ("settings", "landing")}


@pytest.mark.parametrize("location", LOCATIONS)
def test_a_sensor_that_has_nothing_to_look_at_says_so(location: Location, instance: dg.DagsterInstance, tmp_path: Path):
    loaded: dg.Definitions = getattr(definitions, location)()
    said = {}
    for sensor in loaded.get_repository_def().sensor_defs:
        with dg.build_sensor_context(instance=instance, resources=_resources(loaded)) as context:
            found = sensor.evaluate_tick(context)
        assert not found.run_requests
        said[sensor.name] = found.skip_message or ""
    assert said.keys() == SAID[location].keys()
    for name, words in SAID[location].items():
        assert words in said[name], said[name]
    assert not (tmp_path / "home" / "git").exists()


def test_the_check_of_releases_says_that_no_branch_is_watched(instance: dg.DagsterInstance):
    loaded = definitions.production()
    repository = loaded.get_repository_def()
    with dg.build_schedule_context(
        instance=instance,
        repository_def=repository,
        resources=_resources(loaded),
        scheduled_execution_time=datetime.now(UTC),
    ) as context:
        [asked] = repository.get_schedule_def("hourly_release_check").evaluate_tick(context).run_requests or []
    [step] = asked.run_config["ops"].values()
    assert NOT_WATCHED in step["config"]["problem"]
