"""Size classes as they are written, and as the Jobs API gets them."""

from __future__ import annotations

from typing import Any

import pytest
from databricks.sdk.service import compute, jobs
from pydantic import ValidationError

from pipelines.databricks.compute import ComputeSettings, UnknownSizeError
from pipelines.databricks.tags import remote_tags

SETTINGS: dict[str, Any] = {
    "sizes": {
        "standard": {"existing_cluster_id": "0101-warm"},
        "pool": {
            "new_cluster": {
                "spark_version": "16.4.x-scala2.12",
                "instance_pool_id": "pool-1",
                "policy_id": "policy-1",
                "workers": {"at_least": 1, "at_most": 4},
            },
            "packages": ["dagster==1.13.27"],
            "timeout_s": 3600,
        },
        "single": {"new_cluster": {"spark_version": "16.4.x-scala2.12", "node_type_id": "i3.xlarge"}},
        "serverless": {"serverless": {"dependencies": ["dagster==1.13.27"]}},
    },
    "run_as_service_principal": "1234-5678",
    "budget_policy_id": "budget-1",
    "custom_tags": {"team": "data"},
    "viewers": ["data-scientists"],
}
TAGS = {"environment": "development", "model": "m"}


def request(size: str) -> dict[str, Any]:
    return ComputeSettings.model_validate(SETTINGS).request(size, {"task_key": "step"}, TAGS)


@pytest.mark.parametrize("size", SETTINGS["sizes"])
def test_requests_are_what_the_sdk_would_send(size: str) -> None:
    made = request(size)
    [task] = made["tasks"]
    assert jobs.SubmitTask.from_dict(task).as_dict() == task
    if "new_cluster" in task:
        assert compute.ClusterSpec.from_dict(task["new_cluster"]).as_dict() == task["new_cluster"]
    for environment in made.get("environments", []):
        assert jobs.JobEnvironment.from_dict(environment).as_dict() == environment
    assert jobs.JobRunAs.from_dict(made["run_as"]).as_dict() == {"service_principal_name": "1234-5678"}
    assert made["budget_policy_id"] == "budget-1"
    assert made["access_control_list"] == [{"group_name": "data-scientists", "permission_level": "CAN_VIEW"}]


def test_each_kind_of_compute_is_asked_for_as_written() -> None:
    assert request("standard")["tasks"][0]["existing_cluster_id"] == "0101-warm"
    pool = request("pool")
    cluster = pool["tasks"][0]["new_cluster"]
    assert (cluster["instance_pool_id"], cluster["policy_id"]) == ("pool-1", "policy-1")
    assert cluster["autoscale"] == {"min_workers": 1, "max_workers": 4}
    assert cluster["custom_tags"] == {"team": "data", **TAGS}
    assert pool["timeout_seconds"] == 3600
    assert request("single")["tasks"][0]["new_cluster"]["num_workers"] == 0
    serverless = request("serverless")
    assert serverless["tasks"][0]["environment_key"] == serverless["environments"][0]["environment_key"]


def test_an_unknown_size_names_the_known_ones() -> None:
    with pytest.raises(UnknownSizeError, match=r"'huge'.*pool, serverless, single, standard"):
        request("huge")


@pytest.mark.parametrize(
    ("size", "words"),
    [
        ({}, "exactly one of"),
        ({"existing_cluster_id": "a", "serverless": {}}, "exactly one of"),
        ({"new_cluster": {"spark_version": "16"}}, "node_type_id or instance_pool_id"),
        ({"serverless": {}, "packages": ["x"]}, r"serverless\.dependencies"),
        ({"existing_cluster": "a"}, "existing_cluster"),
        ({"existing_cluster_id": "a", "timeout_s": 0}, "greater than 0"),
    ],
)
def test_mistakes_are_told_apart(size: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        ComputeSettings.model_validate({"sizes": {"standard": size}})


def test_tags_have_only_letters_that_clusters_take() -> None:
    tags = remote_tags({"cost_center": "R&D"}, {"pipelines/model": "m" * 300}, "run", "job", "step[2025-01-01]")
    assert tags["cost_center"] == "R_D"
    assert tags["dagster_step"] == "step_2025-01-01_"
    assert len(tags["model"]) == 255


def test_a_partition_pays_where_the_step_says_what_it_is() -> None:
    step = {"pipelines/partition_is": "customer", "dagster/partition": "acme"}
    assert remote_tags({}, step, "run", "job", "step")["customer"] == "acme"
    assert "customer" not in remote_tags({}, {"dagster/partition": "acme"}, "run", "job", "step")
    assert remote_tags({}, {**step, "pipelines/customer": "other"}, "run", "job", "step")["customer"] == "other"
