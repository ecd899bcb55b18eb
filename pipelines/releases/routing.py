"""Which version serves a request: the customer's pin, else the canary for its share of the units, else the champion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from pipelines.releases.plan import BASIS_POINTS, Plan

Reason = Literal["pinned", "canary", "champion"]


class NothingServesError(LookupError):
    """The model has no version that customers get."""


@dataclass(frozen=True)
class Route:
    """Written into every prediction row: which version served, why, and by which revision of the plan."""

    version: int
    reason: Reason
    revision: int


def route(plan: Plan, unit: str, customer: str | None = None, pins: Mapping[str, int] | None = None) -> Route:
    """The version for one unit: the same plan, unit and pins always give the same.

    Args:
        unit: the customer's session id, or the customer, by the model's rollout policy.
        pins: version by customer, for those who are held at one.

    Raises:
        NothingServesError: the model was never released or is retired, and the customer has no pin.
    """
    if customer is not None and pins and customer in pins:
        return Route(pins[customer], "pinned", plan.revision)
    if plan.champion is None:
        raise NothingServesError(f"no version serves: the plan's state is {plan.state} (revision {plan.revision}).")
    if plan.canary is not None and bucket(plan.salt, unit) < plan.basis_points:
        return Route(plan.canary, "canary", plan.revision)
    return Route(plan.champion, "champion", plan.revision)


def bucket(salt: str, unit: str) -> int:
    """The unit's place among 10,000, which depends on it and the canary's salt alone."""
    return int(sha256(f"{salt}|0|{unit}".encode()).hexdigest()[:8], 16) % BASIS_POINTS
