"""Two customers in a production workspace, with canary values planted wherever the second one has something."""

from __future__ import annotations

import io
import json
import textwrap
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from databricks.sdk import WorkspaceClient
from databricks.sdk.service import jobs

from pipelines.customers.onboarding_plan import customer_plan, principal_of, scope_of
from pipelines.customers.places import schema_of, volume_of
from pipelines.databricks.bootstrap.apply import apply
from pipelines.local.settings import LocalSettings, admin_name
from pipelines.metastore import PRINCIPALS, Site, set_up
from pipelines.tables.contracts.customers import customer_contracts
from pipelines.workspace_names import ARCHIVES_VOLUME, folder_of, staging_volume
from pipelines_tests.local.conftest import Finished, client, client_with, wait_for
from pipelines_tests.local.warm_clusters import started_cluster

A, B = "acme", "birch"
CANARY = f"Kanarienvogel{uuid4().hex[:8]}"
"""In every value of B's, and in nothing else: another process of these tests has another one beside it."""
FILES = folder_of(volume_of(B))


@dataclass(frozen=True)
class Stage:
    """The workspace and its people: an administrator, production's principal, those of A and B."""

    settings: LocalSettings
    administrator: WorkspaceClient
    production: WorkspaceClient
    a: WorkspaceClient
    b: WorkspaceClient
    cluster: str
    run: int
    """Production's run for B, which printed a canary and failed with one."""
    job: int
    """Production's job for B, which A may not even see."""
    own_run: int
    """A's own run."""

    @property
    def page_of_run(self) -> str:
        """Address of the page of production's run for B, with its key."""
        return self.administrator.jobs.get_run(self.run).run_page_url or ""


def built(home: Path, settings: LocalSettings) -> Stage:
    """Both customers onboarded as administrators do it, B's things planted, a run for each."""
    zone, landing = home / "customers", home / "landing"
    landing.mkdir()
    site = Site(f"file://{landing}", customers=f"file://{zone}", data_scientists=None)
    development, administrator = (client(settings, name, admin_name(name)) for name in ("development", "production"))
    set_up(site, development, administrator)
    for customer in (A, B):
        apply(customer_plan(customer, principal_of(customer), f"file://{zone}/{customer}", True), administrator)
    people = [_as(administrator, name) for name in (PRINCIPALS["production"], principal_of(A), principal_of(B))]
    production, a, b = people
    administrator.secrets.put_secret(scope_of(B), f"key-{CANARY}", string_value=f"secret {CANARY}")
    administrator.secrets.put_secret(scope_of(A), "key", string_value="secret of acme")
    _lets_compute(administrator, a)
    cluster = started_cluster(production)
    _fill(settings, production, cluster)
    for customer, word in ((A, "acme"), (B, CANARY)):
        for folder in ("sessions", "inbox", "reviews"):
            path = f"{folder_of(volume_of(customer))}/{folder}/{word}.json"
            production.files.upload(path, io.BytesIO(json.dumps({"of": word}).encode()))
    production.files.upload(f"{folder_of(ARCHIVES_VOLUME)}/{B}-1/{CANARY}.json", io.BytesIO(CANARY.encode()))
    done = run_as(production, _FOR_B, cluster, name=f"analyze (customer={B}) {CANARY}")
    assert done.state == ("TERMINATED", "FAILED"), done.logs
    assert CANARY in done.logs
    assert CANARY in (done.error or "")
    task = jobs.Task("only", existing_cluster_id=cluster, spark_python_task=jobs.SparkPythonTask(_STAGED))
    job = production.jobs.create(name=f"analyze {B} {CANARY}", tasks=[task], tags={"customer": CANARY}).job_id or 0
    own = run_as(a, "print('mine')", None)
    assert own.state == ("TERMINATED", "SUCCESS"), own.logs
    run = done.run.run_id or 0
    return Stage(settings, administrator, production, a, b, cluster, run, job, own.run.run_id or 0)


def _lets_compute(administrator: WorkspaceClient, principal: WorkspaceClient) -> None:
    """Give it a policy, which no customer has: else it could run nothing that searches for what is another's."""
    policy = administrator.cluster_policies.create(name="of acme", definition="{}").policy_id
    uses = {
        "service_principal_name": principal.current_user.me().user_name,
        "permission_level": "CAN_USE",
    }
    path = f"/api/2.0/permissions/cluster-policies/{policy}"
    administrator.api_client.do("PATCH", path, body={"access_control_list": [uses]})


def run_as(principal: WorkspaceClient, code: str, cluster: str | None, name: str = "mine") -> Finished:
    """Run a program from a volume of the principal's own; without a cluster it is serverless."""
    own = FILES.replace(B, A) + "/inbox" if principal.current_user.me().display_name == principal_of(A) else _PRIVATE
    path = f"{own}/{uuid4().hex}.py"
    principal.files.upload(path, io.BytesIO(textwrap.dedent(code).encode()))
    task = jobs.SubmitTask(
        "only", existing_cluster_id=cluster, spark_python_task=jobs.SparkPythonTask(python_file=path)
    )
    run_id = principal.jobs.submit(run_name=name, tasks=[task]).response.run_id
    return wait_for(principal, run_id)


_PRIVATE = folder_of(staging_volume("production"))
_STAGED = f"{_PRIVATE}/program.py"
_FOR_B = f"""
    import os, pathlib
    print("{CANARY}")
    home = pathlib.Path(os.environ["HOME"], ".cache")
    home.mkdir(parents=True, exist_ok=True)
    (home / "{CANARY}.txt").write_text("{CANARY}")
    raise ValueError("session of {CANARY} cannot be read")
"""


def _as(administrator: WorkspaceClient, name: str) -> WorkspaceClient:
    [found] = administrator.service_principals.list(filter=f'displayName eq "{name}"')
    token = administrator.token_management.create_obo_token(found.application_id or "").token_value
    return client_with(administrator.config.host or "", token or "")


def _fill(settings: LocalSettings, production: WorkspaceClient, cluster: str) -> None:
    """The tables of both, with a correction in each, and a file in the store of models that only production uses."""
    statements = []
    for customer, word in ((A, "acme"), (B, CANARY)):
        contracts = customer_contracts(schema_of(customer))
        statements += [each.ddl(f"file://{settings.warehouse.joinpath(*each.name)}") for each in contracts]
        statements.append(
            f"INSERT INTO {schema_of(customer)}.corrections VALUES ('{word}', 's', 'k', 1, 2, '{word}', '{word}', "
            f"'{word}', 'm', 1, '{word}', false, timestamp '2026-01-01 00:00:00')"
        )
    store = settings.private["production"][0]
    code = f"""
        for statement in {statements!r}:
            spark.sql(statement)
        open("{store}/{CANARY}.db", "w").write("{CANARY}")
    """
    done = run_as(production, code, cluster)
    assert done.state == ("TERMINATED", "SUCCESS"), done.error
