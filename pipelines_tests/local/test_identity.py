"""Tokens: whose they are, where they hold, how a wrong one is refused; and what principals are entitled to."""

from __future__ import annotations

import time

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.core import Config
from databricks.sdk.credentials_provider import oauth_service_principal
from databricks.sdk.errors import BadRequest, PermissionDenied, Unauthenticated
from databricks.sdk.service import iam

from pipelines.local.lifecycle import connection
from pipelines.local.settings import LocalSettings
from pipelines_tests.local.conftest import client_with


def test_token_names_its_principal(development: WorkspaceClient, administrator: WorkspaceClient) -> None:
    service, admin = development.current_user.me(), administrator.current_user.me()
    assert service.display_name == "pipelines-development"
    assert admin.user_name == "admin@development.local"
    assert "admins" in {group.display for group in admin.groups or []}
    assert "admins" not in {group.display for group in service.groups or []}


def test_wrong_token_is_refused_in_databricks_words(settings: LocalSettings) -> None:
    host = connection(settings, "development").host
    with pytest.raises(PermissionDenied, match=r"Invalid access token\. Workspace 'development' does not know it"):
        client_with(host, "dapi" + "0" * 32).current_user.me()


def test_token_of_other_workspace_is_refused(settings: LocalSettings) -> None:
    development, production = connection(settings, "development"), connection(settings, "production")
    for here, other in ((development, production), (production, development)):
        expected = f"Invalid access token.*of workspace '{other.workspace}', and this is '{here.workspace}'"
        with pytest.raises(PermissionDenied, match=expected) as refused:
            client_with(here.host, other.token).clusters.list().__next__()
        assert other.token not in str(refused.value)


def test_token_expires(settings: LocalSettings, development: WorkspaceClient) -> None:
    token = development.tokens.create(comment="short", lifetime_seconds=1).token_value
    assert token is not None
    host = connection(settings, "development").host
    assert client_with(host, token).current_user.me().display_name == "pipelines-development"
    time.sleep(1.1)
    with pytest.raises(Unauthenticated, match=r"expired.*'development'"):
        client_with(host, token).current_user.me()


def test_revoked_token_is_refused(settings: LocalSettings, development: WorkspaceClient) -> None:
    created = development.tokens.create(comment="revoked")
    assert created.token_info is not None
    development.tokens.delete(created.token_info.token_id or "")
    with pytest.raises(PermissionDenied):
        client_with(connection(settings, "development").host, created.token_value or "").current_user.me()


def test_service_principal_signs_in_by_oauth(settings: LocalSettings, development: WorkspaceClient) -> None:
    found = connection(settings, "development")
    application_id = development.current_user.me().user_name
    signed_in = WorkspaceClient(
        config=Config(
            host=found.host,
            client_id=application_id,
            client_secret=found.token,
            credentials_strategy=oauth_service_principal,
        )
    )
    assert signed_in.current_user.me().user_name == application_id


def test_only_an_administrator_makes_tokens_for_others(
    development: WorkspaceClient, administrator: WorkspaceClient, settings: LocalSettings
) -> None:
    created = administrator.service_principals.create(display_name="analysts")
    application_id = created.application_id or ""
    with pytest.raises(PermissionDenied):
        development.token_management.create_obo_token(application_id)
    token = administrator.token_management.create_obo_token(application_id, comment="test").token_value
    me = client_with(connection(settings, "development").host, token or "").current_user.me()
    assert me.display_name == "analysts"
    assert [
        entry.display_name for entry in administrator.service_principals.list(filter='displayName eq "analysts"')
    ] == ["analysts"]


def test_entitlements_are_an_administrators_to_change(
    development: WorkspaceClient, administrator: WorkspaceClient
) -> None:
    created = administrator.service_principals.create(display_name="entitled")
    identifier = created.id or ""

    def change(who: WorkspaceClient, verb: iam.PatchOp, path: str, *names: str) -> None:
        value = [{"value": name} for name in names] or None
        schemas = [iam.PatchSchema.URN_IETF_PARAMS_SCIM_API_MESSAGES_2_0_PATCH_OP]
        operations = [iam.Patch(op=verb, path=path, value=value)]
        who.service_principals.patch(identifier, operations=operations, schemas=schemas)

    def held() -> list[str | None]:
        return [each.value for each in administrator.service_principals.get(identifier).entitlements or []]

    assert held() == []
    with pytest.raises(PermissionDenied):
        change(development, iam.PatchOp.ADD, "entitlements", "allow-cluster-create")
    change(administrator, iam.PatchOp.ADD, "entitlements", "workspace-access", "allow-cluster-create")
    assert held() == ["allow-cluster-create", "workspace-access"]
    change(administrator, iam.PatchOp.REMOVE, 'entitlements[value eq "allow-cluster-create"]')
    assert held() == ["workspace-access"]
    change(administrator, iam.PatchOp.REPLACE, "entitlements", "databricks-sql-access")
    assert held() == ["databricks-sql-access"]
    with pytest.raises(BadRequest, match="only entitlements can"):
        change(administrator, iam.PatchOp.ADD, "groups", "admins")
