"""What a remote run was for, by its tags: the one rule, which docs/costs.md tells to people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

from pipelines.customers.identifier import InvalidCustomerError, customer_id

Purpose = Literal["data_science", "training", "release", "inference", "operations"]
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)
SHARED = "shared"
"""Whom a run is for that serves no single customer."""
UNTAGGED = "untagged"
"""Who pays for a run that does not say who does."""


def purpose_of(environment: str, tags: Mapping[str, str]) -> Purpose:
    """The first of these that fits.

    1. What the run says itself (tag `purpose`), if it is a purpose.
    2. A customer's: inference.
    3. In development, of a personal branch: data_science; of a model: training.
    4. In production, of a model or of a release: release.
    5. Everything else, also runs without any tags: operations.
    """
    stated = tags.get("purpose")
    if stated in PURPOSES:
        return stated  # type: ignore[return-value]
    if customer_of(tags) is not None:
        return "inference"
    if environment == "development":
        if tags.get("branch") or tags.get("cost_center", "").startswith("dev_"):
            return "data_science"
        return "training" if tags.get("model") else "operations"
    of_release = tags.get("model") or tags.get("release") or tags.get("dagster_job") == "release"
    return "release" if of_release else "operations"


def customer_of(tags: Mapping[str, str]) -> str | None:
    """The one customer that the run was for; None if it was for several, for none, or names what is none."""
    try:
        return customer_id(tags.get("customer", ""))
    except InvalidCustomerError:
        return None
