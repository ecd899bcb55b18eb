"""Secret scopes: written, listed, read only by those who may, never shown where they should not be."""

from __future__ import annotations

import base64

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound, PermissionDenied, ResourceAlreadyExists
from databricks.sdk.service.workspace import AclPermission


def test_secret_round_trip_and_listing(development: WorkspaceClient) -> None:
    development.secrets.create_scope("round")
    with pytest.raises(ResourceAlreadyExists):
        development.secrets.create_scope("round")
    development.secrets.put_secret("round", "key", string_value="value é")
    assert base64.b64decode(development.secrets.get_secret("round", "key").value or "").decode() == "value é"
    assert [entry.key for entry in development.secrets.list_secrets("round")] == ["key"]
    assert "round" in {scope.name for scope in development.secrets.list_scopes()}
    development.secrets.delete_secret("round", "key")
    with pytest.raises(NotFound):
        development.secrets.get_secret("round", "key")
    development.secrets.delete_scope("round")
    with pytest.raises(NotFound):
        list(development.secrets.list_secrets("round"))


def test_secret_is_only_for_those_granted(development: WorkspaceClient, administrator: WorkspaceClient) -> None:
    administrator.secrets.create_scope("private")
    administrator.secrets.put_secret("private", "key", string_value="hidden")
    with pytest.raises(PermissionDenied):
        development.secrets.get_secret("private", "key")
    reader = development.current_user.me().user_name or ""
    administrator.secrets.put_acl("private", reader, AclPermission.READ)
    assert development.secrets.get_secret("private", "key").value
    with pytest.raises(PermissionDenied):
        development.secrets.put_secret("private", "key", string_value="changed")
    assert administrator.secrets.get_acl("private", reader).permission == AclPermission.READ
    administrator.secrets.delete_acl("private", reader)
    with pytest.raises(PermissionDenied):
        development.secrets.get_secret("private", "key")


def test_secrets_are_of_one_workspace(development: WorkspaceClient, production: WorkspaceClient) -> None:
    development.secrets.create_scope("own")
    development.secrets.put_secret("own", "key", string_value="of development alone")
    with pytest.raises(NotFound):
        production.secrets.get_secret("own", "key")
