"""What the REST API shows to one customer's principal of another: nothing, by name or in any list."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import polars as pl
import pytest
import requests
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors.base import DatabricksError
from databricks.sdk.service import jobs

from pipelines.customers.onboarding_plan import principal_of, scope_of
from pipelines.customers.places import schema_of, volume_of
from pipelines.workspace_names import ARCHIVES_VOLUME, folder_of
from pipelines_tests.customers.isolation.stage import CANARY, FILES, A, B, Stage
from pipelines_tests.local.conftest import client_with

TABLES = [f"{schema_of(B)}.{name}" for name in ("sessions", "flight_samples", "approaches", "analysis", "corrections")]
OWN = folder_of(volume_of(A))
_CATALOG = "/api/2.1/unity-catalog"

Attempt = Callable[[Stage, WorkspaceClient], Any]

REFUSED: dict[str, Attempt] = {
    **{f"table {name}": lambda _, a, name=name: a.tables.get(name) for name in TABLES},
    "table exists": lambda _, a: a.tables.exists(TABLES[0]),
    "tables": lambda _, a: list(a.tables.list("prod", schema_of(B).partition(".")[2])),
    "schema": lambda _, a: a.schemas.get(schema_of(B)),
    "own table of other schemas": lambda _, a: a.tables.get("prod.ops.customers"),
    "table credentials": lambda s, a: a.temporary_table_credentials.generate_temporary_table_credentials(
        table_id=s.administrator.tables.get(TABLES[-1]).table_id
    ),
    "grants on schema": lambda _, a: a.grants.get("schema", schema_of(B)),
    "effective grants": lambda _, a: a.grants.get_effective("table", TABLES[0]),
    "grant oneself": lambda _, a: a.api_client.do(
        "PATCH",
        f"{_CATALOG}/permissions/schema/{schema_of(B)}",
        body={"changes": [{"principal": principal_of(A), "add": ["SELECT", "USE_SCHEMA"]}]},
    ),
    "new table there": lambda _, a: a.api_client.do(
        "POST",
        f"{_CATALOG}/tables",
        body={"catalog_name": "prod", "schema_name": schema_of(B).partition(".")[2], "name": "mine"},
    ),
    "new schema": lambda _, a: a.schemas.create("customer_mine", "prod"),
    "drop table": lambda _, a: a.tables.delete(TABLES[0]),
    "volume": lambda _, a: a.volumes.read(volume_of(B)),
    "volumes": lambda _, a: list(a.volumes.list("prod", schema_of(B).partition(".")[2])),
    "volume credentials": lambda s, a: a.api_client.do(
        "POST",
        f"{_CATALOG}/temporary-volume-credentials",
        body={"volume_id": s.administrator.volumes.read(volume_of(B)).volume_id, "operation": "READ_VOLUME"},
    ),
    "files": lambda _, a: list(a.files.list_directory_contents(f"{FILES}/sessions")),
    "file": lambda _, a: a.files.download(f"{FILES}/sessions/{CANARY}.json"),
    "file's size": lambda _, a: a.files.get_metadata(f"{FILES}/sessions/{CANARY}.json"),
    "upload": lambda _, a: a.files.upload(f"{FILES}/inbox/x.json", io.BytesIO(b"{}")),
    "remove": lambda _, a: a.files.delete(f"{FILES}/inbox/{CANARY}.json"),
    "archive": lambda _, a: list(a.files.list_directory_contents(folder_of(ARCHIVES_VOLUME))),
    "secret": lambda _, a: a.secrets.get_secret(scope_of(B), f"key-{CANARY}"),
    "secrets": lambda _, a: list(a.secrets.list_secrets(scope_of(B))),
    "own secrets": lambda _, a: list(a.secrets.list_secrets(scope_of(A))),
    "secrets' access": lambda _, a: list(a.secrets.list_acls(scope_of(B))),
    "pipelines' secrets": lambda _, a: list(a.secrets.list_secrets("pipelines")),
    "run": lambda s, a: a.jobs.get_run(s.run),
    "output": lambda s, a: a.jobs.get_run_output(s.run),
    "export": lambda s, a: a.jobs.export_run(s.run),
    "cancel": lambda s, a: a.jobs.cancel_run(s.run),
    "cancel all": lambda s, a: a.jobs.cancel_all_runs(job_id=s.administrator.jobs.get_run(s.run).job_id),
    "delete run": lambda s, a: a.jobs.delete_run(s.run),
    "job": lambda s, a: a.jobs.get(s.job),
    "start job": lambda s, a: a.jobs.run_now(s.job),
    "job's access": lambda s, a: a.permissions.get("jobs", str(s.job)),
    "cluster": lambda s, a: a.clusters.get(s.cluster),
    "cluster's events": lambda s, a: list(a.clusters.events(s.cluster)),
    "run on it": lambda s, a: a.jobs.submit(
        run_name="x",
        tasks=[
            jobs.SubmitTask(
                "x", existing_cluster_id=s.cluster, spark_python_task=jobs.SparkPythonTask(f"{OWN}/inbox/acme.json")
            )
        ],
    ),
    "new cluster": lambda _, a: a.clusters.create(spark_version="16.4.x-scala2.12", num_workers=0),
    "new policy": lambda _, a: a.cluster_policies.create(name="mine", definition="{}"),
    "new pool": lambda _, a: a.instance_pools.create("mine", "m5d.large"),
    "policy of others": lambda s, a: a.cluster_policies.delete(
        s.administrator.cluster_policies.create(name="theirs", definition="{}").policy_id or ""
    ),
    "run as B": lambda s, a: a.jobs.submit(
        run_name="x",
        tasks=[jobs.SubmitTask("x", spark_python_task=jobs.SparkPythonTask(f"{OWN}/inbox/acme.json"))],
        run_as=jobs.JobRunAs(service_principal_name=s.b.current_user.me().user_name),
    ),
    "token of B": lambda s, a: a.token_management.create_obo_token(s.b.current_user.me().user_name or ""),
    "B's identity": lambda s, a: a.service_principals.get(s.b.current_user.me().id or ""),
    "new principal": lambda _, a: a.service_principals.create(display_name="more"),
    "faults": lambda _, a: a.api_client.do("GET", "/local/faults"),
    "traffic": lambda _, a: a.api_client.do("GET", "/local/requests"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_anothers_is_refused(stage: Stage, what: str) -> None:
    with pytest.raises((DatabricksError, RuntimeError)) as refusal:
        REFUSED[what](stage, stage.a)
    text = str(refusal.value)
    assert "secret " + CANARY not in text
    assert text.count(CANARY) <= 1, "what was asked for, perhaps, and nothing else"


@pytest.mark.parametrize(
    "path",
    [
        f"{OWN}/../../customer_birch/files/sessions/{CANARY}.json",
        f"{OWN}/sessions/../../{B}/sessions/{CANARY}.json",
        f"{OWN}/%2e%2e/%2e%2e/customer_birch/files/sessions/{CANARY}.json",
        f"/Volumes/prod/customer_acme/../customer_birch/files/sessions/{CANARY}.json",
        f"/Volumes/prod/CUSTOMER_BIRCH/FILES/sessions/{CANARY}.json",
        f"/Volumes/prod/customer_birch\u200b/files/sessions/{CANARY}.json",
    ],
    ids=["up", "up and across", "encoded", "volume", "capitals", "twin"],
)
def test_no_path_leaves_the_own_volume(stage: Stage, path: str) -> None:
    for text in (path, quote(path, safe="/%")):
        address = f"{stage.a.config.host}/api/2.0/fs/files{text}"
        request = requests.Request("GET", address, headers={"Authorization": f"Bearer {stage.a.config.token}"})
        prepared = request.prepare()
        prepared.url = address  # as it is written, not tidied up
        answer = requests.Session().send(prepared, timeout=10)
        assert answer.status_code >= 400
        assert json.dumps({"of": CANARY}) not in answer.text


def test_page_of_a_run_needs_its_key(stage: Stage) -> None:
    page = stage.page_of_run
    own_key = (stage.a.jobs.get_run(stage.own_run).run_page_url or "").partition("&key=")[2]
    assert own_key
    assert CANARY in requests.get(page, timeout=10).text, "who was given the address reads it"
    for address in (page.partition("?")[0], page.partition("&key=")[0] + f"&key={own_key}"):
        answer = requests.get(address, headers={"Authorization": f"Bearer {stage.a.config.token}"}, timeout=10)
        assert answer.status_code == 403
        assert CANARY not in answer.text


def test_polars_reads_the_own_tables_and_no_others(stage: Stage) -> None:
    catalog = pl.Catalog(stage.a.config.host or "", bearer_token=stage.a.config.token, require_https=False)
    own = catalog.scan_table("prod", "customer_acme", "corrections").collect()
    assert own["instructor"].to_list() == ["acme"]
    with pytest.raises(Exception, match=r"(?i)403|denied|not have"):
        catalog.scan_table("prod", "customer_birch", "corrections").collect()


def _answers(principal: WorkspaceClient, stage: Stage) -> dict[str, str]:
    """What each list and look-up that takes no name of another's answers, whole."""
    paths = [
        "/api/2.0/preview/scim/v2/Me",
        "/api/2.0/preview/scim/v2/Users",
        "/api/2.0/preview/scim/v2/ServicePrincipals",
        f"{_CATALOG}/metastore_summary",
        f"{_CATALOG}/catalogs",
        f"{_CATALOG}/catalogs/prod",
        f"{_CATALOG}/schemas?catalog_name=prod",
        f"{_CATALOG}/table-summaries?catalog_name=prod",
        f"{_CATALOG}/tables?catalog_name=prod&schema_name=customer_acme",
        f"{_CATALOG}/volumes?catalog_name=prod&schema_name=customer_acme",
        f"{_CATALOG}/permissions/catalog/prod",
        f"{_CATALOG}/effective-permissions/catalog/prod",
        f"{_CATALOG}/effective-permissions/schema/{schema_of(A)}",
        "/api/2.0/secrets/scopes/list",
        "/api/2.1/jobs/list?expand_tasks=true",
        "/api/2.1/jobs/runs/list?expand_tasks=true&limit=25",
        "/api/2.1/clusters/list",
        "/api/2.0/dbfs/list?path=/",
        "/api/2.0/workspace/list?path=/",
        "/api/2.0/token/list",
        "/api/2.0/fs/directories" + OWN,
        "/local/health",
    ]
    found = {}
    for path in paths:
        address = f"{stage.a.config.host}{path}"
        answer = requests.get(address, headers={"Authorization": f"Bearer {principal.config.token}"}, timeout=10)
        found[path] = answer.text
    return found


def test_no_list_names_another_customer(stage: Stage) -> None:
    identity = stage.b.current_user.me().user_name or ""
    secrets = (CANARY, B, identity)
    all_of_it = " ".join(_answers(stage.administrator, stage).values())
    assert [text for text in secrets if text not in all_of_it] == [], "an administrator sees it: the search can find it"
    seen = _answers(stage.a, stage)
    assert {path: text for path, text in seen.items() if any(each in text for each in secrets)} == {}
    assert "customer_acme" in seen[f"{_CATALOG}/schemas?catalog_name=prod"]
    assert str(stage.own_run) in seen["/api/2.1/jobs/runs/list?expand_tasks=true&limit=25"]


def test_own_things_are_to_be_had(stage: Stage) -> None:
    a = stage.a
    assert a.tables.get("prod.customer_acme.analysis").name == "analysis"
    found = a.files.download(f"{OWN}/sessions/acme.json").contents
    assert found is not None
    assert json.load(found) == {"of": "acme"}
    a.files.upload(f"{OWN}/inbox/request.json", io.BytesIO(b"{}"))
    with pytest.raises(DatabricksError, match="MODIFY"):
        a.api_client.do(
            "POST",
            f"{_CATALOG}/temporary-table-credentials",
            body={"table_id": a.tables.get("prod.customer_acme.analysis").table_id, "operation": "READ_WRITE"},
        )


def test_token_of_one_customer_is_no_ones_elsewhere(stage: Stage) -> None:
    from pipelines.local.lifecycle import connection

    development = connection(stage.settings, "development")
    with pytest.raises(DatabricksError, match="production"):
        client_with(development.host, stage.a.config.token or "").current_user.me()
