"""Which version of each model judges which session: by the release plan, or as the request says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.models.manifest import Manifest
from pipelines.releases.pins import held_at, why_not_for_customers
from pipelines.releases.routing import NothingServesError, route

if TYPE_CHECKING:
    from pipelines.releases.record import Record
    from pipelines.releases.registry import MlflowRegistry

ASKED_FOR = "asked_for"


class NothingReleasedError(LookupError):
    """No model serves customers yet."""


class UnusableVersionError(LookupError):
    """A request asks for a version that may not serve; the message says why."""


@dataclass(frozen=True, order=True)
class Assignment:
    """One session to be judged by one version, why by that one, and for whom."""

    model: str
    version: int
    session_id: str
    reason: str
    revision: int
    request_id: str


def routed(
    customer: str, session_ids: Sequence[str], request_id: str, record: Record, manifests: Mapping[str, Manifest]
) -> list[Assignment]:
    """Every released model's version for each session, by the customer's pins and the plans of the record.

    Raises:
        NothingReleasedError: no model is released.
    """
    found: list[Assignment] = []
    for model, plan in sorted(record.plans.items()):
        by_customer = model in manifests and manifests[model].rollout.unit == "customer"
        for session_id in session_ids:
            try:
                chosen = route(plan, customer if by_customer else session_id, customer, held_at(record, model))
            except NothingServesError:
                continue
            found.append(Assignment(model, chosen.version, session_id, chosen.reason, chosen.revision, request_id))
    if not found:
        raise NothingReleasedError("No model is released to customers yet: ask again after the first release.")
    return found


def asked_for(
    versions: Mapping[str, int], session_ids: Sequence[str], request_id: str, record: Record, registry: MlflowRegistry
) -> list[Assignment]:
    """The versions that a request names, if customers may have them.

    Raises:
        UnusableVersionError: one does not exist, was not made by a release, or its release is in quarantine.
    """
    found: list[Assignment] = []
    for model, version in sorted(versions.items()):
        if (problem := why_not_for_customers(record, registry, model, version)) is not None:
            raise UnusableVersionError(problem)
        revision = record.plans[model].revision
        found += [Assignment(model, version, session_id, ASKED_FOR, revision, request_id) for session_id in session_ids]
    return found
