"""An administrator's part of on- and offboarding in a real workspace: twice is once, and a cut goes on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound

from pipelines.customers.onboarding_plan import customer_plan, principal_of, scope_of
from pipelines.customers.places import schema_of, volume_of
from pipelines.customers.withdrawal import LeftBehindError, drop_places, withdraw_access
from pipelines.databricks.bootstrap.apply import apply, applying, differences
from pipelines.databricks.bootstrap.plan import Plan
from pipelines.local.lifecycle import down
from pipelines.local.settings import admin_name
from pipelines.metastore import Site, production_plan, set_up
from pipelines_tests.local.conftest import client, local_settings

STEPS = 11
"""Of a customer's plan."""


@dataclass(frozen=True)
class Place:
    """A production workspace, as its administrator, and the customers' zone."""

    administrator: WorkspaceClient
    site: Site
    zone: Path

    def plan(self, customer: str, principal: str | None = None, writes_files: bool = False) -> Plan:
        return customer_plan(
            customer, principal or principal_of(customer), f"file://{self.zone}/{customer}", writes_files
        )

    def held(self, kind: str, name: str) -> dict[str, list[str]]:
        """Privileges on the securable by display name of the principal."""
        names = {each.application_id: each.display_name for each in self.administrator.service_principals.list()}
        found = self.administrator.grants.get(kind, name).privilege_assignments or []
        return {
            names.get(one.principal, one.principal) or "": sorted(each.value for each in one.privileges or [])
            for one in found
        }


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    home = tmp_path_factory.mktemp("onboarding")
    (home / "landing").mkdir()
    settings = local_settings(home, grants=(), bindings=())
    site = Site(f"file://{home / 'landing'}", customers=f"file://{home / 'customers'}", data_scientists=None)
    development, production = (client(settings, name, admin_name(name)) for name in ("development", "production"))
    set_up(site, development, production)
    yield Place(production, site, home / "customers")
    for workspace in settings.workspaces:
        down(settings, workspace)


def test_onboarding_twice_is_once(place: Place) -> None:
    plan = place.plan("acme", writes_files=True)
    first = apply(plan, place.administrator)
    assert [line for line in first if not line.startswith("was there")] == [
        "added: service principal pipelines-customer-acme",
        "added: entitlement workspace-access of pipelines-customer-acme",
        "added: schema prod.customer_acme",
        f"added: volume prod.customer_acme.files over file://{place.zone}/acme",
        "added: USE CATALOG on catalog prod to pipelines-customer-acme",
        "added: SELECT, USE SCHEMA on schema prod.customer_acme to pipelines-customer-acme",
        "added: READ VOLUME, WRITE VOLUME on volume prod.customer_acme.files to pipelines-customer-acme",
        "added: secret scope customer-acme",
        "added: READ on secret scope customer-acme to pipelines-production",
    ]
    assert [line for line in apply(plan, place.administrator) if not line.startswith("was there")] == []
    assert differences(plan, place.administrator) == []


def test_customers_are_no_drift_of_the_workspace(place: Place) -> None:
    for name in ("birch", "cedar"):
        apply(place.plan(name), place.administrator)
    assert differences(production_plan(place.site), place.administrator) == []
    assert differences(place.plan("birch"), place.administrator) == [], "nor are they each other's"


@pytest.mark.parametrize("principal", [None, "elm-instructors"])
def test_what_is_no_longer_agreed_is_taken_back(place: Place, principal: str | None) -> None:
    name = "elm" if principal else "elder"
    apply(place.plan(name, principal, writes_files=True), place.administrator)
    who = principal or principal_of(name)
    assert place.held("volume", volume_of(name))[who] == ["READ_VOLUME", "WRITE_VOLUME"]
    told = apply(place.plan(name, principal), place.administrator)
    assert f"taken back: WRITE VOLUME on volume {volume_of(name)} to {who}" in told
    assert place.held("volume", volume_of(name))[who] == ["READ_VOLUME"]
    assert place.held("schema", schema_of(name)) == {who: ["SELECT", "USE_SCHEMA"]}


@pytest.mark.parametrize("done", range(0, STEPS + 1, 2))
def test_onboarding_that_is_cut_off_ends_the_same(place: Place, done: int) -> None:
    name = f"fir{done}"
    plan = place.plan(name)
    steps = applying(plan, place.administrator)
    assert len([next(steps) for _ in range(done)]) == done
    apply(plan, place.administrator)
    assert differences(plan, place.administrator) == []
    assert place.held("schema", schema_of(name)) == {principal_of(name): ["SELECT", "USE_SCHEMA"]}
    assert place.held("volume", volume_of(name)) == {principal_of(name): ["READ_VOLUME"]}
    assert [each.display_name for each in place.administrator.service_principals.list()].count(principal_of(name)) == 1


@pytest.mark.parametrize("done", range(6))
def test_withdrawing_that_is_cut_off_ends_the_same(place: Place, done: int) -> None:
    name, admin = f"gum{done}", place.administrator
    apply(place.plan(name, writes_files=True), admin)
    admin.secrets.put_secret(scope_of(name), "key", string_value="x")
    removal = withdraw_access(admin, name, principal_of(name))
    told = [next(removal) for _ in range(min(done, 5))]
    told += list(withdraw_access(admin, name, principal_of(name)))
    assert told == [
        f"READ VOLUME, WRITE VOLUME on volume {volume_of(name)} of {principal_of(name)}",
        f"SELECT, USE SCHEMA on schema {schema_of(name)} of {principal_of(name)}",
        f"USE CATALOG on catalog prod of {principal_of(name)}",
        f"service principal {principal_of(name)}",
        f"secret scope {scope_of(name)}",
    ]
    assert list(withdraw_access(admin, name, principal_of(name))) == []
    assert principal_of(name) not in place.held("catalog", "prod")
    assert scope_of(name) not in {each.name for each in admin.secrets.list_scopes()}
    assert list(drop_places(admin, name)) == [f"volume {volume_of(name)}", f"schema {schema_of(name)}"]
    assert list(drop_places(admin, name)) == []
    with pytest.raises(NotFound):
        admin.schemas.get(schema_of(name))
    assert (place.zone / name).is_dir(), "files of an external volume are not the catalog's to remove"


def test_a_group_and_what_else_it_holds_stay(place: Place) -> None:
    apply(place.plan("hazel", "hazel-staff"), place.administrator)
    grants = {"changes": [{"principal": "hazel-staff", "add": ["BROWSE"]}]}
    place.administrator.api_client.do("PATCH", "/api/2.1/unity-catalog/permissions/catalog/prod", body=grants)
    told = list(withdraw_access(place.administrator, "hazel", "hazel-staff"))
    assert not [line for line in told if "service principal" in line]
    assert place.held("catalog", "prod")["hazel-staff"] == ["BROWSE"]
    assert place.held("schema", schema_of("hazel")) == {}


def test_what_no_archive_has_is_not_dropped(place: Place) -> None:
    admin = place.administrator
    apply(place.plan("ivy"), admin)
    body = {"catalog_name": "prod", "schema_name": "customer_ivy", "name": "notes", "columns": []}
    admin.api_client.do("POST", "/api/2.1/unity-catalog/tables", body=body)
    with pytest.raises(LeftBehindError, match=r"prod\.customer_ivy also holds prod\.customer_ivy\.notes"):
        list(drop_places(admin, "ivy"))
    assert admin.volumes.read(volume_of("ivy")).name == "files"
    admin.tables.delete("prod.customer_ivy.notes")
    assert len(list(drop_places(admin, "ivy"))) == 2
