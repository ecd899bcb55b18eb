"""Where what belongs to one customer lies: tables in a schema of their own, files below a folder of their own.

```
<customers' zone>/<customer>/sessions/    session files, as the customer puts them there
<customers' zone>/<customer>/inbox/       requests (*.json) and corrections; beside each its *.status.json
<customers' zone>/<customer>/reviews/     review pages, <session id>.html
<customers' zone>/<customer>/maps/        column maps of the customer's own (*.yaml), if it has any
```
"""

from __future__ import annotations

from typing import TypeVar

from pipelines.customers.identifier import customer_id
from pipelines.landing.address import Address
from pipelines.settings import Settings

CATALOG = "prod"
SESSIONS, INBOX, REVIEWS, MAPS = "sessions", "inbox", "reviews", "maps"
Zone = TypeVar("Zone", bound=Address)


class NoCustomersError(LookupError):
    """The environment has no customers' zone."""


def zone_of(settings: Settings) -> Address:
    """The customers' zone.

    Raises:
        NoCustomersError: the location has no customers.
    """
    if settings.customers is None:
        raise NoCustomersError(
            f"The {settings.location} location has no customers: set PIPELINES_CUSTOMERS, or `customers` in the "
            "production environment's file."
        )
    return settings.customers


def schema_of(customer: str) -> str:
    """`catalog.schema` of the customer's tables.

    Raises:
        InvalidCustomerError: that is no customer's identifier.
    """
    return f"{CATALOG}.customer_{customer_id(customer)}"


def volume_of(customer: str) -> str:
    """The volume that shows the customer's folder, `folder_of`, in the workspace."""
    return f"{schema_of(customer)}.files"


def folder_of_customer(zone: Zone, customer: str) -> Zone:
    """The customer's folder below the customers' zone, which holds `SESSIONS`, `INBOX`, `REVIEWS`, perhaps `MAPS`."""
    return zone / customer_id(customer)  # type: ignore[return-value]
