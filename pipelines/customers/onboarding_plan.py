"""What a customer needs of the production workspace, as a plan that an administrator reviews and applies."""

from __future__ import annotations

from pipelines.customers.identifier import customer_id
from pipelines.customers.places import CATALOG, schema_of, volume_of
from pipelines.databricks.bootstrap.plan import (
    Catalog,
    Grant,
    Plan,
    Schema,
    SecretAccess,
    SecretScope,
    SecurableType,
    ServicePrincipal,
    Table,
    Volume,
)
from pipelines.landing.address import Address, S3Prefix
from pipelines.metastore import PRINCIPALS
from pipelines.tables.contracts.customers import customer_contracts

_EVERYONE = {"account users", "users", "admins", "account admins", "metastore-admins"}


class RefusedPrincipalError(ValueError):
    """A principal that may not be a customer's; the message says why and what to do."""


def principal_of(customer: str) -> str:
    """Display name of the service principal that is made for a customer who brings no group."""
    return f"pipelines-customer-{customer_id(customer)}"


def scope_of(customer: str) -> str:
    """The secret scope of what the pipelines need to know of this customer alone."""
    return f"customer-{customer_id(customer)}"


def location_of(zone: Address, customer: str) -> str:
    """Where the customer's volume lies: `s3://bucket/prefix/<customer>`, or a `file://` folder."""
    return f"{zone_location(zone)}/{customer_id(customer)}"


def zone_location(zone: Address) -> str:
    """The customers' zone as Unity Catalog writes it."""
    if isinstance(zone, S3Prefix):
        return f"s3://{zone.bucket}/{zone.prefix}".rstrip("/")
    return f"file://{zone}"


def require_own_principal(customer: str, principal: str) -> None:
    """Go on only with a principal that can be one customer's alone.

    Raises:
        RefusedPrincipalError: it is everybody, the pipelines' own, or made for another customer.
    """
    name = principal.strip().casefold()
    others = name.startswith("pipelines-") and name != principal_of(customer)
    if name in _EVERYONE or others:
        raise RefusedPrincipalError(
            f"{principal!r} cannot be the principal of {customer}: others than this customer are behind it. Name a "
            f"group of the account that has nobody else in it, or none, and {principal_of(customer)} is made."
        )


def customer_plan(customer: str, principal: str, location: str, writes_files: bool) -> Plan:
    """A schema, tables, a volume over `location`, a secret scope, and what `principal` may do with them.

    Raises:
        InvalidCustomerError: that is no customer's identifier.
        RefusedPrincipalError: the principal is not one customer's alone.
    """
    require_own_principal(customer, principal)
    schema, volume, made = schema_of(customer), volume_of(customer), principal == principal_of(customer)
    files = ("READ_VOLUME", "WRITE_VOLUME") if writes_files else ("READ_VOLUME",)
    return Plan(
        workspace="production",
        service_principals=(ServicePrincipal(principal, frozenset({"workspace-access"})),) if made else (),
        managed=() if made else (principal,),
        catalogs=(Catalog(CATALOG, borrowed=True),),
        schemas=(Schema(schema, f"Sessions and analyses of the customer {customer}.", own=True),),
        volumes=(Volume(volume, f"Session files, requests and review pages of the customer {customer}.", location),),
        tables=tuple(Table(str(each.name), each.ddl()) for each in customer_contracts(schema)),
        grants=(
            _grant("catalog", CATALOG, principal, "USE_CATALOG"),
            _grant("schema", schema, principal, "USE_SCHEMA", "SELECT"),
            _grant("volume", volume, principal, *files),
        ),
        secret_scopes=(SecretScope(scope_of(customer), (SecretAccess(PRINCIPALS["production"], "READ"),)),),
    )


def _grant(kind: SecurableType, securable: str, principal: str, *privileges: str) -> Grant:
    return Grant(kind, securable, principal, frozenset(privileges))
