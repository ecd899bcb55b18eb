"""Loading the definitions costs Dagster's own import, and starts nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.workspace_names import LOCATIONS, Location
from pipelines_tests.project.on_databricks import ON_DATABRICKS

PROBE = """
import json, os, sys, threading
before = threading.active_count()
from pipelines.definitions import development, production
repository = development().get_repository_def()
production().get_repository_def()
print(json.dumps({
    "modules": sorted(sys.modules),
    "jobs": sorted(repository.job_names),
    "threads": threading.active_count() - before,
    "children": open(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read().split()
        if os.path.exists("/proc/self/task") else [],
}))
"""
HEAVY = (
    "mlflow", "sklearn", "skops", "pyspark", "pysail", "deltalake", "pandas", "polars", "jsbsim", "matplotlib",
    "databricks", "dagster_databricks", "dagster_aws", "boto3", "botocore",
)  # fmt: skip


@pytest.mark.parametrize(
    "variables",
    [{}, {"PIPELINES_LANDING": "s3://account@uploads/zone"}, ON_DATABRICKS],
    ids=["folder", "bucket", "databricks"],
)
def test_definitions_load_without_heavy_packages_model_code_or_side_effects(tmp_path: Path, variables: dict[str, str]):
    home = tmp_path / "home"
    output = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:pipelines", "-c", PROBE],
        env={"PIPELINES_HOME": str(home), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path), **variables},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    loaded = json.loads(output.splitlines()[-1])
    roots = {name.split(".")[0] for name in loaded["modules"]}
    assert roots.isdisjoint(HEAVY)
    model_code = [name for name in loaded["modules"] if name.startswith("pipelines.models.") and name.count(".") > 2]
    assert model_code == []
    assert not [name for name in loaded["modules"] if name.startswith("pipelines.local")]
    assert {"full_flow", "ingest", "predict", "train"} <= set(loaded["jobs"])
    assert loaded["threads"] == 0
    assert loaded["children"] == []
    assert not home.exists()


@pytest.mark.parametrize("location", LOCATIONS)
def test_a_deployment_loads_its_location_without_the_file_of_the_other(tmp_path: Path, location: Location):
    own = {name: ON_DATABRICKS[name] for name in ("PIPELINES_ENVIRONMENT", f"PIPELINES_{location.upper()}")}
    program = f"from pipelines.definitions import {location}; print({location}().get_repository_def().name)"
    loaded = subprocess.run(
        [sys.executable, "-c", program],
        env={"PIPELINES_HOME": str(tmp_path / "home"), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path), **own},
        capture_output=True,
        text=True,
        check=False,
    )
    assert loaded.returncode == 0, loaded.stderr
