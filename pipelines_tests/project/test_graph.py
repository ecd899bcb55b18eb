"""The graph as a text that a reviewer reads: assets, what they depend on, checks, jobs, sensors and schedules."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from pipelines.definitions import development, production
from pipelines.partitions import CUSTOMERS, RELEASES, UPLOAD_DAYS
from pipelines.tables.contracts import ALL, GOLD

SNAPSHOT = Path(__file__).with_name("graph.txt")
DEVELOPMENT, PRODUCTION = development(), production()


def _lines(definitions: dg.Definitions) -> Iterator[str]:
    repository = definitions.get_repository_def()
    graph = repository.asset_graph
    for key in sorted(graph.get_all_asset_keys(), key=dg.AssetKey.to_user_string):
        node = graph.get(key)
        kind = "asset" if node.is_materializable else "external"
        each = {None: "", UPLOAD_DAYS: " per upload day", RELEASES: " per release", CUSTOMERS: " per customer"}[
            node.partitions_def
        ]
        yield f"{kind} {key.to_user_string()} in {node.group_name}{each}"
        yield from (f"  from {parent.to_user_string()}" for parent in sorted(node.parent_keys))
        for check in sorted(node.check_keys, key=lambda check: check.name):
            blocking = ", blocking" if graph.get_check_spec(check).blocking else ""
            yield f"  check {check.name}{blocking}"
    for name in sorted(repository.job_names):
        if not name.startswith("__"):
            yield f"job {name}"
            yield from (f"  step {node}" for node in sorted(repository.get_job(name).graph.node_dict))
    for sensor in sorted(repository.sensor_defs, key=lambda sensor: sensor.name):
        jobs = ", ".join(target.job_name for target in sensor.targets)
        yield f"sensor {sensor.name} for {jobs}" if jobs else f"sensor {sensor.name}"
    for schedule in sorted(repository.schedule_defs, key=lambda schedule: schedule.name):
        yield f"schedule {schedule.name} for {schedule.job_name} at {schedule.cron_schedule}"


def test_the_graph_is_the_reviewed_one():
    locations = {"development": DEVELOPMENT, "production": PRODUCTION}
    found = "\n".join(line for name, each in locations.items() for line in (f"# {name}", *_lines(each))) + "\n"
    if os.environ.get("UPDATE_SNAPSHOT"):
        SNAPSHOT.write_text(found)
    assert found == SNAPSHOT.read_text(), (
        "The graph has changed. If that is meant, run `UPDATE_SNAPSHOT=1 make test ARGS=pipelines_tests/project` "
        "and let the difference be reviewed."
    )


def test_every_contract_is_an_asset_with_its_columns_described():
    graph = DEVELOPMENT.get_repository_def().asset_graph
    for contract in ALL:
        node = graph.get(dg.AssetKey(contract.name.asset_key))
        schema = node.metadata["dagster/column_schema"]
        assert isinstance(schema, dg.TableSchema)
        assert tuple(column.name for column in schema.columns) == contract.column_names
        assert all(column.description for column in schema.columns)


@pytest.mark.parametrize("definitions", [DEVELOPMENT, PRODUCTION])
def test_every_asset_tells_what_it_is_and_who_owns_it(definitions: dg.Definitions):
    graph = definitions.get_repository_def().asset_graph
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        first_sentence = (node.description or "").split(". ")[0]
        assert 10 < len(first_sentence) < 160, key
        assert node.owners, key
        assert node.kinds, key


@pytest.mark.parametrize("definitions", [DEVELOPMENT, PRODUCTION])
def test_definitions_are_complete(definitions: dg.Definitions):
    dg.Definitions.validate_loadable(definitions)


def test_production_shares_the_keys_of_gold_and_makes_none_of_it():
    here, there = (each.get_repository_def().asset_graph for each in (PRODUCTION, DEVELOPMENT))
    for contract in GOLD:
        key = dg.AssetKey(contract.name.asset_key)
        assert there.get(key).is_materializable
        assert not here.get(key).is_materializable
    assert {key.path[0] for key in here.materializable_asset_keys} == {"prod"}


def _steps(definitions: dg.Definitions) -> dict[str, bool]:
    """Every step of assets, checks and jobs, and whether the launcher has it run in a workspace."""
    repository = definitions.get_repository_def()
    ops = [op for job in repository.get_all_jobs() for op in job.graph.iterate_op_defs()]
    return {op.name: "step_launcher" in op.required_resource_keys for op in ops}


@pytest.mark.parametrize("definitions", [DEVELOPMENT, PRODUCTION])
def test_every_step_runs_in_a_workspace(definitions: dg.Definitions):
    steps = _steps(definitions)
    assert len(steps) >= 12
    assert [name for name, is_launched in steps.items() if not is_launched] == [], (
        "they lack the resource step_launcher"
    )


def test_an_asset_and_a_check_that_run_in_dagsters_process_would_be_seen():
    @dg.asset
    def here() -> None: ...

    @dg.asset_check(asset=here)
    def judged_here() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=True)

    assert _steps(dg.Definitions(assets=[here], asset_checks=[judged_here])) == {
        "here": False,
        "here_judged_here": False,
    }


def test_sessions_are_partitioned_by_upload_day_today_included():
    from pipelines.partitions import today

    assert today().isoformat() in UPLOAD_DAYS.get_partition_keys()
