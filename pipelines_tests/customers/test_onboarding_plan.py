"""What onboarding asks an administrator for, as it is printed for review; what is refused before anything is asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines.cli.customer import customer
from pipelines.customers.bucket_policy import bucket_policy
from pipelines.customers.identifier import InvalidCustomerError
from pipelines.customers.onboarding_plan import (
    RefusedPrincipalError,
    customer_plan,
    location_of,
    principal_of,
    scope_of,
)
from pipelines.landing.address import S3Prefix, landing_address
from pipelines.tables.contracts.customers import customer_contracts

ADVERSARIAL = [
    "", "a", "acme_", "_acme", "ac__me", "Acme", "ACME", "a;DROP", "a'; DROP SCHEMA prod.ops; --", "../b", "a/b", "a.b",
    "*", "%", "acme%2fb", "~root", "$HOME", "`id`", "ac\u0430me", "\uff41cme", "acme\u200b", "acm\u00e9", "acme\n",
    "acme\t", "z" * 42, "z" * 300, "deadbeef", "{{secrets/pipelines/event-key}}",
]  # fmt: skip


def printed(monkeypatch: pytest.MonkeyPatch, home: Path, *arguments: str, zone: str = "") -> str:
    monkeypatch.setenv("PIPELINES_HOME", str(home))
    monkeypatch.setenv("PIPELINES_CUSTOMERS", zone)
    result = CliRunner().invoke(customer, ["onboard", *arguments, "--print"])
    assert result.exit_code == 0, result.output
    return result.output


def test_a_principal_gets_its_own_and_nothing_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = printed(monkeypatch, tmp_path, "acme")
    assert [line for line in script.splitlines() if line.startswith("GRANT")] == [
        "GRANT USE CATALOG ON CATALOG prod TO `pipelines-customer-acme`;",
        "GRANT SELECT, USE SCHEMA ON SCHEMA prod.customer_acme TO `pipelines-customer-acme`;",
        "GRANT READ VOLUME ON VOLUME prod.customer_acme.files TO `pipelines-customer-acme`;",
    ]
    assert "--   entitlements: workspace-access\n" in script
    assert "-- secret scope customer-acme: created\n--   READ to pipelines-production\n" in script
    for contract in customer_contracts("prod.customer_acme"):
        assert f"CREATE TABLE IF NOT EXISTS {contract.name} (" in script
    assert "IAM" not in script, "the zone is a folder"
    job = script[script.index("-- job analyze-acme: made by pipelines-production and run as it") :]
    assert "--   CAN MANAGE RUN to pipelines-customer-acme\n" in job
    described = json.loads("\n".join(line.removeprefix("-- ") for line in job.splitlines()[2:]))
    assert described["tags"]["cost_center"] == "acme"
    assert [each["name"] for each in described["parameters"]] == ["sessions", "request_id"]
    assert not (tmp_path / "databricks").exists(), "nothing was started"
    assert not (tmp_path / "customers").exists()


def test_files_through_the_volume_and_a_group(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = printed(monkeypatch, tmp_path, "acme", "--writes-files", "--principal", "acme-instructors")
    assert "GRANT READ VOLUME, WRITE VOLUME ON VOLUME prod.customer_acme.files TO `acme-instructors`;" in script
    assert "service principal" not in script, "a group is not made"


def test_policy_of_a_bucket_ends_at_the_own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = printed(monkeypatch, tmp_path, "acme", zone="s3://uploads/customers")
    policy = json.loads(script[script.index("\n{") :])
    assert policy == json.loads(bucket_policy(S3Prefix("uploads", "customers"), "acme"))
    resources = json.dumps([statement["Resource"] for statement in policy["Statement"][1:]])
    assert resources.count("arn:aws:s3:::uploads/customers/acme/") == 7
    assert resources.count("arn:") == 7
    assert policy["Statement"][0]["Condition"] == {"StringLike": {"s3:prefix": ["customers/acme/*"]}}
    assert not [each for each in policy["Statement"] if "s3:DeleteObject" in each["Action"]]
    assert "-- no job is published" in script, "the embedded workspace mounts no bucket"
    assert '"customers/acme"' not in script, "without the slash it would match acme_two as well"


def test_places() -> None:
    assert location_of(landing_address("s3://profile@bucket/zone"), "acme") == "s3://bucket/zone/acme"
    assert location_of(landing_address("s3://bucket"), "acme") == "s3://bucket/acme"
    assert location_of(Path("/srv/customers"), "acme") == "file:///srv/customers/acme"
    assert (principal_of("acme"), scope_of("acme")) == ("pipelines-customer-acme", "customer-acme")


@pytest.mark.parametrize(
    "principal",
    ["account users", "Account Users", " users", "admins", "pipelines-production", "pipelines-customer-birch",
     "PIPELINES-development"],
)  # fmt: skip
def test_a_principal_of_others_is_refused(principal: str) -> None:
    with pytest.raises(RefusedPrincipalError, match="others than this customer"):
        customer_plan("acme", principal, "file:///srv/acme", writes_files=False)


@pytest.mark.parametrize("text", ADVERSARIAL)
@pytest.mark.parametrize("command", [["onboard"], ["offboard"], ["offboard", "--confirm", "acme"]])
def test_no_other_identifier_passes_the_command_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, command: list[str]
) -> None:
    monkeypatch.setenv("PIPELINES_HOME", str(tmp_path))
    result = CliRunner().invoke(customer, [*command, "--", text])
    assert result.exit_code == 2
    assert "is no customer identifier" in " ".join(result.output.split())
    assert list(tmp_path.iterdir()) == [], "nothing was looked up, started or made"


@pytest.mark.parametrize("text", ADVERSARIAL)
def test_no_other_identifier_becomes_a_name(text: str) -> None:
    for make in (
        principal_of,
        scope_of,
        lambda each: location_of(Path("/srv"), each),
        lambda each: bucket_policy(S3Prefix("bucket"), each),
        lambda each: customer_plan(each, "group", "file:///srv/x", writes_files=False),
    ):
        with pytest.raises(InvalidCustomerError):
            make(text)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--cost-center", "a;b"], "cost center of acme"),
        (["--cost-center", ""], "cost center of acme"),
        (["--name", "a\nb"], "display name of acme"),
        (["--name", "x" * 101], "display name of acme"),
        (["--principal", "a`b"], "principal of acme"),
        (["--principal", "account users"], "others than this customer"),
        (["--budget", "-1"], "dollars above 0"),
        (["--budget", "nan"], "dollars above 0"),
        (["--budget-warning", "2"], "at most 1"),
    ],
)
def test_a_choice_that_cannot_be_met_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, options: list[str], told: str
) -> None:
    monkeypatch.setenv("PIPELINES_HOME", str(tmp_path))
    result = CliRunner().invoke(customer, ["onboard", "acme", *options])
    assert result.exit_code != 0
    assert told in str(result.exception)
    assert not (tmp_path / "databricks").exists()


def test_confirming_takes_the_same_identifier(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PIPELINES_HOME", str(tmp_path))
    result = CliRunner().invoke(customer, ["offboard", "acme", "--confirm", "acme_two"])
    assert result.exit_code == 2
    assert "--confirm says 'acme_two', but acme is to be offboarded" in " ".join(result.output.split())
    assert list(tmp_path.iterdir()) == []
