"""On what steps of the local workspaces run, and how long that takes to start, as a user says it."""

from __future__ import annotations

import pytest

from pipelines.embedded import local_settings
from pipelines.embedded_compute import described
from pipelines.environments import for_task, settings_from
from pipelines.local.settings import StartDelays
from pipelines.remote_settings import SIZES, LocalCompute
from pipelines.settings import InvalidSettingError
from pipelines_tests.project.on_databricks import ON_DATABRICKS


def compute_of(**variables: str) -> LocalCompute:
    remote = settings_from({f"PIPELINES_{name.upper()}": value for name, value in variables.items()}).remote
    assert remote is not None
    return remote.local_compute


def test_steps_run_on_the_warm_cluster_and_nothing_is_delayed_unless_asked_for():
    assert compute_of() == compute_of(compute="", start_delays="") == LocalCompute(dict.fromkeys(SIZES, "warm"), {})
    assert local_settings(settings_from({})).start_delays == StartDelays(0, 0, 0)
    assert described(compute_of()) == ""


def test_the_delays_of_databricks_are_known_and_job_clusters_wait_for_them():
    found = compute_of(start_delays="databricks")
    assert found == LocalCompute(dict.fromkeys(SIZES, "job"), {"job": 145, "pool": 40, "serverless": 20})
    assert not found.needs_warm_cluster
    delays = local_settings(settings_from({"PIPELINES_START_DELAYS": "databricks"})).start_delays
    assert delays == StartDelays(job_cluster_s=145, pool_s=40, serverless_s=20)
    assert described(found) == (
        "Steps run on job clusters of their own; start delays: job 145 s, pool 40 s, serverless 20 s."
    )


def test_delays_of_ones_own_are_waited_for_by_the_kind_that_is_named_first():
    found = compute_of(start_delays=" pool = 1.5 , serverless=2")
    assert found == LocalCompute(dict.fromkeys(SIZES, "pool"), {"pool": 1.5, "serverless": 2})


def test_the_compute_is_chosen_for_all_steps_or_by_size_class():
    assert compute_of(compute="serverless").kinds == dict.fromkeys(SIZES, "serverless")
    found = compute_of(compute="medium=job, large=pool", start_delays="databricks")
    assert found.kinds == {"standard": "warm", "small": "warm", "medium": "job", "large": "pool"}
    assert found.needs_warm_cluster
    assert described(found).startswith(
        "Steps run on the warm cluster (standard, small), on job clusters of their own (medium), on job clusters of "
        "their own from a pool (large); "
    )


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"start_delays": "slow"}, "PIPELINES_START_DELAYS: 'slow' is none of job=..., pool=..., serverless=..."),
        ({"start_delays": "job=soon"}, "PIPELINES_START_DELAYS: 'soon' is no number of seconds"),
        ({"start_delays": "job=-1"}, "PIPELINES_START_DELAYS: '-1' is no number of seconds"),
        ({"start_delays": "job=inf"}, "PIPELINES_START_DELAYS: 'inf' is no number of seconds"),
        ({"start_delays": "job=1,"}, "PIPELINES_START_DELAYS: '' is none of job=..."),
        ({"start_delays": "warm=1"}, "PIPELINES_START_DELAYS: 'warm=1' is none of job=..."),
        ({"start_delays": "job=1,job=2"}, "PIPELINES_START_DELAYS: job is named twice"),
        ({"compute": "cluster"}, "PIPELINES_COMPUTE: 'cluster' is none of warm, job, pool, serverless"),
        ({"compute": "medium=cluster"}, "PIPELINES_COMPUTE: 'cluster' is none of warm, job, pool, serverless"),
        ({"compute": "huge=job"}, "PIPELINES_COMPUTE: 'huge=job' is none of standard=..., small=..., medium=..."),
        ({"environment": "conformance", "compute": "serverless"}, "PIPELINES_COMPUTE: a step with Apache Spark"),
        ({"environment": "conformance", "start_delays": "serverless=1"}, "PIPELINES_START_DELAYS: a step with Apache"),
    ],
)
def test_what_cannot_be_understood_is_refused_in_words(variables: dict[str, str], words: str):
    with pytest.raises(InvalidSettingError) as refused:
        compute_of(**variables)
    assert str(refused.value).startswith(words)


@pytest.mark.parametrize("variable", ["PIPELINES_COMPUTE", "PIPELINES_START_DELAYS"])
def test_databricks_is_not_told_on_what_steps_run(variable: str):
    with pytest.raises(InvalidSettingError, match=rf"{variable} is for the local workspaces.*compute\.sizes"):
        settings_from({**ON_DATABRICKS, variable: "job"})


def test_with_apache_spark_each_step_has_a_cluster_of_its_own():
    assert compute_of(environment="conformance").kinds == dict.fromkeys(SIZES, "job")
    assert compute_of(environment="conformance", compute="medium=pool").kinds["standard"] == "job"


def test_a_task_is_told_nothing_of_the_compute_of_others():
    assert '"job"' not in for_task(settings_from({"PIPELINES_START_DELAYS": "databricks"}))
