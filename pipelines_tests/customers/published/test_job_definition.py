"""The job as Databricks gets it, on each kind of compute."""

from __future__ import annotations

import pytest

from pipelines.customers.identifier import InvalidCustomerError
from pipelines.customers.published_job import access, definition, job_name, program_of
from pipelines.databricks.compute import ComputeSettings
from pipelines.databricks.tags import described

PACKAGES = ["dagster==1.13.27"]
SERVERLESS = {"serverless": {"environment_version": "3", "dependencies": PACKAGES}}
CLUSTER = {"new_cluster": {"spark_version": "17.3.x", "node_type_id": "m6i.large"}, "packages": PACKAGES}


def _definition(**sizes: object) -> dict:
    compute = ComputeSettings.model_validate(
        {"sizes": sizes, "viewers": ["flight-data"], "run_as_service_principal": "id", "custom_tags": {"team": "x"}}
    )
    return definition("acme", {"cost_center": "cc-7"}, "/Volumes/p.py", compute)


def test_its_smallest_size_without_packages_that_it_does_not_need() -> None:
    job = _definition(standard=CLUSTER, small=SERVERLESS)
    [task] = job["tasks"]
    assert (task["environment_key"], "new_cluster" in task) == ("step", False)
    assert job["environments"] == [{"environment_key": "step", "spec": {"environment_version": "3"}}]
    assert job["run_as"] == {"service_principal_name": "id"}
    assert job["tags"] == {"team": "x", "customer": "acme", "purpose": "inference", "cost_center": "cc-7"}
    assert "access_control_list" not in job


def test_a_cluster_has_the_tags_that_its_cost_is_told_by() -> None:
    [task] = _definition(large=SERVERLESS, standard=CLUSTER)["tasks"]
    assert "libraries" not in task
    tags = task["new_cluster"]["custom_tags"]
    assert {name: tags[name] for name in ("customer", "cost_center", "purpose", "team")} == {
        "customer": "acme",
        "cost_center": "cc-7",
        "purpose": "inference",
        "team": "x",
    }


def test_on_other_compute_its_task_tells_them() -> None:
    [task] = _definition(small=SERVERLESS)["tasks"]
    told = {"customer": "acme", "cost_center": "cc-7", "purpose": "inference", "team": "x", "size": "small"}
    assert described(task["description"]) == told


def test_the_customer_is_in_the_program_and_in_no_parameter() -> None:
    source = program_of("acme").decode()
    compile(source, "program", "exec")
    assert source.endswith("main('/Volumes/prod/customer_acme/files', 3600.0, sys.argv[1:])\n")
    assert "birch" not in source
    [task] = _definition(small=SERVERLESS)["tasks"]
    assert not [each for each in task["spark_python_task"]["parameters"] if "acme" in each]


def test_a_group_may_start_it_and_viewers_look_at_it() -> None:
    assert access("owner-id", "instructors", True, ("flight-data",)) == [
        {"service_principal_name": "owner-id", "permission_level": "IS_OWNER"},
        {"group_name": "instructors", "permission_level": "CAN_MANAGE_RUN"},
        {"group_name": "flight-data", "permission_level": "CAN_VIEW"},
    ]


@pytest.mark.parametrize("text", ["", "a", "../birch", "acme'); import os #", "Acme", "acme_"])
def test_no_other_identifier_is_published(text: str) -> None:
    for make in (job_name, program_of):
        with pytest.raises(InvalidCustomerError):
            make(text)
