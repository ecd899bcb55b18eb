"""The environment `databricks` end to end: control process, launcher, HTTPS, workspace, task, and the events back."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pytest
from dagster import DagsterEventType, DagsterInstance

from pipelines.workspace_names import CATALOGS, LOCATIONS, Location
from pipelines_tests.end_to_end.databricks_site import DatabricksSite, databricks_site
from pipelines_tests.end_to_end.environment import DAY, upload_sessions

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

NODE = {"spark_version": "17.3.x-scala2.13", "node_type_id": "local"}
STEPS = ("ingest_session_files", "ingest_annotation_files", "refine_flight_samples")


def _cluster(engine: str) -> dict[str, object]:
    return {"new_cluster": {**NODE, "spark_conf": {"databricks.local.engine": engine}}}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatabricksSite]:
    with databricks_site(tmp_path_factory.mktemp("databricks"), _cluster("apache_spark")) as found:
        yield found


def _metadata(instance: DagsterInstance, key: list[str]) -> dict[str, object]:
    event = instance.get_latest_materialization_event(dg.AssetKey(key))
    assert event is not None
    assert event.asset_materialization is not None
    return {name: value.value for name, value in event.asset_materialization.metadata.items()}


@pytest.mark.parametrize("location", LOCATIONS)
def test_a_step_runs_in_its_workspace_and_tells_what_came_of_it(site: DatabricksSite, location: Location):
    done = site.execute(location, location, "tell")
    assert done.returncode == 0, done.stderr[-3000:]
    instance = site.instances[location]
    seen = _metadata(instance, ["seen"])
    assert (seen["engine"], seen["in_task"], seen["credentials"]) == ("databricks", True, [])
    assert seen["work"] == f"/Volumes/{CATALOGS[location]}/pipelines/work"
    assert len(str(seen["code_digest"])) == 64
    [run] = instance.get_runs()
    entries = instance.all_logs(run.run_id)
    assert [entry.user_message for entry in entries].count(f"in the {location} workspace") == 1
    [check] = [entry for entry in entries if _type(entry) is DagsterEventType.ASSET_CHECK_EVALUATION]
    assert check.step_key == "seen"


def test_sessions_are_taken_to_gold_by_sql_alone(site: DatabricksSite):
    upload_sessions(site.local)
    tags = f'{{"dagster/partition": "{DAY.isoformat()}"}}'
    done = site.execute("development", "development_on_spark", "ingest", tags=tags, op_selection=",".join(STEPS))
    assert done.returncode == 0, done.stderr[-3000:]
    instance = site.instances["development"]
    assert _metadata(instance, ["main", "silver", "samples"])["dagster/partition_row_count"]
    gold = _metadata(instance, ["main", "gold", "flight_samples"])
    assert gold["sessions_refined"] == 3
    assert gold["attested_commit"] is True


def _type(entry: dg.EventLogEntry) -> DagsterEventType | None:
    return entry.dagster_event.event_type if entry.dagster_event else None
