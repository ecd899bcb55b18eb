"""The SQL that is given to reviewers, as reviewed; what it may not contain."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines.cli.bootstrap import bootstrap
from pipelines.metastore import Site, plan_for
from pipelines.tables.contracts import ALL

REVIEWED = {
    "development": ["development", "--landing", "s3://acme-landing/sessions"],
    "production": [
        *("production", "--customers", "s3://acme-customers/customers"),
        *("--application-id", "pipelines-production=0a1b2c3d-0000-4000-8000-000000000001"),
    ],
}


def printed(*arguments: str) -> str:
    result = CliRunner().invoke(bootstrap, list(arguments))
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("workspace", REVIEWED)
def test_sql_is_the_reviewed_one(workspace: str) -> None:
    """After a change that is meant: `pipelines bootstrap ... > pipelines_tests/metastore/<workspace>.sql`."""
    reviewed = Path(__file__).parent / f"{workspace}.sql"
    assert printed(*REVIEWED[workspace]) == reviewed.read_text(encoding="utf-8")


def test_production_is_granted_gold_and_nothing_else_of_main() -> None:
    grants = [line for line in printed("production").splitlines() if line.startswith("GRANT") and " main" in line]
    assert grants == [
        "GRANT USE CATALOG ON CATALOG main TO `pipelines-production`;",
        "GRANT SELECT, USE SCHEMA ON SCHEMA main.gold TO `pipelines-production`;",
    ]


def test_only_the_service_principal_may_write_volumes() -> None:
    for workspace in ("development", "production"):
        plan = plan_for(workspace, Site("s3://landing"))
        own = {each.name for each in plan.service_principals}
        writers = {grant.principal for grant in plan.grants if grant.privileges & {"WRITE_VOLUME", "ALL_PRIVILEGES"}}
        assert writers == own


def test_every_contract_becomes_a_statement_without_a_place() -> None:
    script = printed("development", "--tables", "--landing", "s3://landing")
    for contract in ALL:
        assert f"CREATE TABLE IF NOT EXISTS {contract.name} (" in script
    tables = script[script.index("CREATE TABLE") :]
    assert "LOCATION" not in tables, "a managed table has none"
    assert "'delta.logRetentionDuration' = 'interval 3650 days'" in tables


def test_no_group_and_a_place_for_tables() -> None:
    script = printed("development", "--data-scientists", "", "--managed-location", "s3://acme-tables/")
    assert "data-scientists" not in script
    assert "CREATE CATALOG IF NOT EXISTS dev\n  MANAGED LOCATION 's3://acme-tables/dev'" in script


def test_policies_take_the_place_of_the_right_to_any_cluster() -> None:
    assert "--   entitlements: allow-cluster-create, workspace-access\n" in printed("production")
    script = printed("production", "--cluster-policy", "0123ABC", "--instance-pool", "p-1")
    assert "allow-cluster-create" not in script
    assert (
        "-- service principal pipelines-production: added to the workspace\n"
        "--   entitlements: workspace-access\n"
        "--   CAN_USE on cluster policy 0123ABC to pipelines-production\n"
        "--   CAN_ATTACH_TO on instance pool p-1 to pipelines-production\n"
    ) in script


def test_digest_tells_plans_apart() -> None:
    digests = [
        plan_for("development", Site("s3://a")).digest,
        plan_for("development", Site("s3://b")).digest,
        plan_for("development", Site("s3://a", data_scientists=None)).digest,
        plan_for("development", Site("s3://a", cluster_policies=("0123",))).digest,
        plan_for("production", Site("s3://a")).digest,
    ]
    assert len(set(digests)) == 5
    assert plan_for("development", Site("s3://a")).digest == digests[0]


def test_applying_asks_for_the_landing_zone_first() -> None:
    result = CliRunner().invoke(bootstrap, ["development", "--apply"])
    assert result.exit_code == 2
    assert "--landing s3://bucket/prefix" in result.output
