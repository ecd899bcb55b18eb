"""What this project needs of Unity Catalog and of two workspaces, for the bootstrap to make.

Development writes `main` and `dev`; production writes `prod` and may read `main.gold`, and nothing else of `main`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pipelines.databricks.bootstrap.plan import (
    ANYONE,
    Catalog,
    ComputeAccess,
    Grant,
    Plan,
    RandomSecret,
    Schema,
    SecretAccess,
    SecretScope,
    SecurableType,
    ServicePrincipal,
    SigningKeys,
    SuppliedSecret,
    Table,
    Volume,
)
from pipelines.engines.lease import lease_contract
from pipelines.models.manifest import load_manifests
from pipelines.models.prediction_tables import judgement_contract, prediction_contract
from pipelines.tables.attestation_keys import PUBLIC_KEY, SIGNING_KEY
from pipelines.tables.contract import TableContract
from pipelines.tables.contracts import ALL, RECORDS
from pipelines.tables.contracts.operations import COMPUTE_USAGE, COST_REPORT, CUSTOMERS, RELEASE_AUDIT
from pipelines.workspace_names import (
    ARCHIVES_FOLDER,
    ARCHIVES_VOLUME,
    EVENT_KEY,
    LANDING_VOLUME,
    SECRET_SCOPE,
    Location,
    staging_volume,
    work_volume,
)

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

PRINCIPALS: dict[Location, str] = {"development": "pipelines-development", "production": "pipelines-production"}

_READ = ("USE_SCHEMA", "SELECT")
_WRITE_TABLES = (*_READ, "MODIFY", "CREATE_TABLE")
_VOLUME = ("READ_VOLUME", "WRITE_VOLUME")


@dataclass(frozen=True)
class Site:
    """What differs from one installation to the next."""

    landing: str
    """Where session files arrive: `s3://bucket/prefix` below an external location, or a `file://` folder."""
    customers: str | None = None
    """The customers' zone, likewise; None: production has no customers."""
    managed_location: str | None = None
    """Storage below which each catalog gets a folder; None: the metastore's root storage."""
    data_scientists: str | None = "data-scientists"
    """Account group that reads gold and makes schemas of its own in `dev`; None: no such group."""
    cluster_policies: tuple[str, ...] = ()
    """Ids of the policies of this workspace's job clusters. Without any, the service principal may make any cluster."""
    instance_pools: tuple[str, ...] = ()
    """Ids of the pools that job clusters come from."""


def plan_for(workspace: Location, site: Site) -> Plan:
    """The plan of one of the two workspaces."""
    return development_plan(site) if workspace == "development" else production_plan(site)


def development_plan(site: Site) -> Plan:
    """The development workspace: all of `main` and `dev`, and the key that signs gold."""
    principal = PRINCIPALS["development"]
    return Plan(
        workspace="development",
        service_principals=(_principal(principal, site),),
        compute_access=_compute_access(principal, site),
        catalogs=(
            _catalog("main", "Flight sessions from the landing zone to gold; written by development alone.", site),
            _catalog("dev", "Models, predictions and branches of data scientists.", site),
        ),
        schemas=(
            Schema("main.landing", "Files as they arrive."),
            Schema("main.bronze", "What arrived, file by file, and what became of it."),
            Schema("main.silver", "Sessions as recorded, in canonical channels and units."),
            Schema("main.gold", "Cleaned, labelled, attested: what models are trained on, here and in production."),
            Schema("dev.pipelines", "The pipelines' own: staging, scratch, leases."),
            Schema("dev.models", "Models of the branch main."),
            Schema("dev.predictions", "Predictions of the models of the branch main."),
            Schema("dev.ops", "What computing in development costs."),
        ),
        volumes=(
            Volume(LANDING_VOLUME, "The landing zone.", site.landing),
            Volume(staging_volume("development"), "Code and events of steps; only the pipelines may write."),
            Volume(work_volume("development"), "Scratch of tasks."),
        ),
        tables=_tables(
            [
                *ALL,
                *RECORDS,
                *_prediction_tables("dev.predictions"),
                *(replace(each, name=each.name._replace(catalog="dev")) for each in (COMPUTE_USAGE, COST_REPORT)),
                lease_contract("dev"),
            ]
        ),
        grants=(
            # Steps say CREATE SCHEMA IF NOT EXISTS, which asks for the privilege even where the schema exists.
            _grant("catalog", "main", principal, "USE_CATALOG", "CREATE_SCHEMA"),
            _grant("schema", "main.landing", principal, "USE_SCHEMA"),
            _grant("volume", LANDING_VOLUME, principal, "READ_VOLUME"),
            *(_grant("schema", f"main.{layer}", principal, *_WRITE_TABLES) for layer in ("bronze", "silver", "gold")),
            _grant("catalog", "dev", principal, "USE_CATALOG", "CREATE_SCHEMA"),
            _grant("schema", "dev.pipelines", principal, *_WRITE_TABLES),
            _grant("volume", staging_volume("development"), principal, *_VOLUME),
            _grant("volume", work_volume("development"), principal, *_VOLUME),
            _grant("schema", "dev.models", principal, "USE_SCHEMA", "CREATE_MODEL", "EXECUTE", "APPLY_TAG"),
            _grant("schema", "dev.predictions", principal, *_WRITE_TABLES),
            _grant("schema", "dev.ops", principal, *_WRITE_TABLES),
            *_grants_to_data_scientists(site),
        ),
        granted_elsewhere=_grants_on_gold(PRINCIPALS["production"]),
        secret_scopes=(
            SecretScope(
                SECRET_SCOPE,
                (SecretAccess(principal, "READ"),),
                (RandomSecret(EVENT_KEY), SigningKeys(SIGNING_KEY, PUBLIC_KEY)),
            ),
        ),
    )


def production_plan(site: Site) -> Plan:
    """The production workspace: all of `prod`, gold to read, and the key that tells attested gold from other."""
    principal = PRINCIPALS["production"]
    return Plan(
        workspace="production",
        service_principals=(_principal(principal, site),),
        compute_access=_compute_access(principal, site),
        catalogs=(
            Catalog("main", writable=False, borrowed=True),
            _catalog("prod", "Released models, customers' analyses, and the record of both.", site),
        ),
        schemas=(
            Schema("main.gold"),
            Schema("prod.pipelines", "The pipelines' own: staging, scratch, leases."),
            Schema("prod.models", "Released models."),
            Schema("prod.predictions", "Predictions of released models."),
            Schema("prod.ops", "Customers, costs, compute and the record of releases."),
        ),
        volumes=(
            Volume(staging_volume("production"), "Code and events of steps; only the pipelines may write."),
            Volume(work_volume("production"), "Scratch of tasks."),
            *_archives(site),
        ),
        tables=_tables(
            [
                *_prediction_tables("prod.predictions"),
                RELEASE_AUDIT,
                CUSTOMERS,
                COMPUTE_USAGE,
                COST_REPORT,
                lease_contract("prod"),
            ]
        ),
        grants=(*_grants_on_gold(principal), _grant("catalog", "prod", principal, "ALL_PRIVILEGES")),
        # Onboarding lets each customer's principal into the catalog, where it sees its own schema alone.
        granted_elsewhere=(_grant("catalog", "prod", ANYONE, "USE_CATALOG"),),
        secret_scopes=(
            SecretScope(
                SECRET_SCOPE,
                (SecretAccess(principal, "READ"),),
                (RandomSecret(EVENT_KEY), SuppliedSecret(PUBLIC_KEY, "the public key of the development workspace")),
            ),
        ),
    )


def set_up(site: Site, development: WorkspaceClient, production: WorkspaceClient) -> list[str]:
    """Apply both plans, as administrators of the two workspaces and their metastore; safe to do again.

    Returns:
        What was done and what was there, a line each.
    """
    from pipelines.databricks.bootstrap.apply import apply
    from pipelines.databricks.bootstrap.secret_scopes import read_secret

    lines = apply(development_plan(site), development)
    public_key = read_secret(development, SECRET_SCOPE, PUBLIC_KEY)
    return lines + apply(production_plan(site), production, {PUBLIC_KEY: public_key})


def _principal(name: str, site: Site) -> ServicePrincipal:
    if site.cluster_policies:
        return ServicePrincipal(name, frozenset({"workspace-access"}))
    return ServicePrincipal(name, frozenset({"workspace-access", "allow-cluster-create"}))


def _compute_access(principal: str, site: Site) -> tuple[ComputeAccess, ...]:
    return (
        *(ComputeAccess("cluster-policies", each, principal) for each in site.cluster_policies),
        *(ComputeAccess("instance-pools", each, principal) for each in site.instance_pools),
    )


def _catalog(name: str, comment: str, site: Site) -> Catalog:
    location = f"{site.managed_location.rstrip('/')}/{name}" if site.managed_location else None
    return Catalog(name, comment, managed_location=location)


def _grant(kind: SecurableType, securable: str, principal: str, *privileges: str) -> Grant:
    return Grant(kind, securable, principal, frozenset(privileges))


def _grants_on_gold(principal: str) -> tuple[Grant, ...]:
    return (_grant("catalog", "main", principal, "USE_CATALOG"), _grant("schema", "main.gold", principal, *_READ))


def _grants_to_data_scientists(site: Site) -> tuple[Grant, ...]:
    if not site.data_scientists:
        return ()
    return (
        *_grants_on_gold(site.data_scientists),
        _grant("catalog", "dev", site.data_scientists, "USE_CATALOG", "CREATE_SCHEMA"),
        _grant("schema", "dev.models", site.data_scientists, "USE_SCHEMA", "EXECUTE"),
        _grant("schema", "dev.predictions", site.data_scientists, *_READ),
    )


def _archives(site: Site) -> tuple[Volume, ...]:
    if not site.customers:
        return ()
    place = f"{site.customers.rstrip('/')}/{ARCHIVES_FOLDER}"
    return (Volume(ARCHIVES_VOLUME, "What is left of customers that were offboarded.", place),)


def _prediction_tables(schema: str) -> list[TableContract]:
    manifests = load_manifests().values()
    return [*(prediction_contract(each, schema) for each in manifests), judgement_contract(schema)]


def _tables(contracts: Iterable[TableContract]) -> tuple[Table, ...]:
    return tuple(Table(str(each.name), each.ddl()) for each in contracts)
