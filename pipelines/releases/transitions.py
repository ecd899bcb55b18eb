"""From one plan to the next: every transition there is, as pure functions.

Each gives a plan whose revision is higher by one, or the same plan where there is nothing to do, so that doing it
twice is doing it once.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from pipelines.releases.plan import BASIS_POINTS, MOST_QUARANTINED, Plan


class TransitionRefusedError(Exception):
    """A transition that the plan does not admit; the message says why and what to do."""


class Served(NamedTuple):
    """A version that served, and the release whose set it belonged to."""

    version: int
    release: str


def promote(plan: Plan, version: int, release: str) -> Plan:
    """`version` becomes champion as part of `release`; a canary ends, whichever it was.

    Raises:
        TransitionRefusedError: the release is quarantined.
    """
    _refuse_quarantined(plan, release)
    if (plan.state, plan.champion, plan.release) == ("steady", version, release):
        return plan
    return _serving(plan, version, release, _current(plan) or _previous(plan))


def keep(plan: Plan, release: str) -> Plan:
    """The champion stays, as part of the newer `release` in which no version of this model passed its gate.

    Raises:
        TransitionRefusedError: there is no champion, or the release is quarantined.
    """
    if plan.champion is None:
        raise TransitionRefusedError(
            f"there is no champion to keep in release {release[:12]}: the model must pass its gate first."
        )
    return promote(plan, plan.champion, release)


def rollback(plan: Plan, target: Served, before: Served | None, bad: str | None) -> Plan:
    """The version of an earlier release becomes champion again; `bad`, the release that it leaves, is quarantined.

    Args:
        before: what a rollback from there would go to.
        bad: None to leave no release quarantined that is not already.

    Raises:
        TransitionRefusedError: the earlier release is quarantined, too.
    """
    _refuse_quarantined(plan, target.release)
    if (plan.state, plan.champion, plan.release) == ("steady", *target):
        return plan
    return replace(_serving(plan, *target, before), quarantined=_with(plan, bad))


def retire(plan: Plan, release: str, bad: str | None = None) -> Plan:
    """No version serves: `release` has no such model. Nothing is deleted, and a rollback brings it back."""
    if plan.state == "retired" and plan.release == release:
        return plan
    left = _current(plan)
    return replace(
        _without_canary(plan),
        state="retired",
        revision=plan.revision + 1,
        release=release,
        champion=None,
        previous=left.version if left else plan.previous,
        previous_release=left.release if left else plan.previous_release,
        quarantined=_with(plan, bad),
    )


def quarantine(plan: Plan, release: str) -> Plan:
    """`release` may not be promoted until somebody lifts it.

    Raises:
        TransitionRefusedError: it serves now: roll back, which quarantines it.
    """
    if release in (plan.release, plan.canary_release):
        raise TransitionRefusedError(f"release {release[:12]} serves now: roll it back, which quarantines it.")
    if release in plan.quarantined:
        return plan
    return replace(plan, revision=plan.revision + 1, quarantined=_with(plan, release))


def lift(plan: Plan, release: str) -> Plan:
    """`release` may be promoted again."""
    if release not in plan.quarantined:
        return plan
    left = tuple(one for one in plan.quarantined if one != release)
    return replace(plan, revision=plan.revision + 1, quarantined=left)


def start_canary(plan: Plan, version: int, release: str, basis_points: int, salt: str) -> Plan:
    """`version` serves a share of the units beside the champion.

    Raises:
        TransitionRefusedError: there is no champion, another canary runs, or the release is quarantined.
    """
    _refuse_quarantined(plan, release)
    if plan.state != "steady" or plan.champion == version:
        raise TransitionRefusedError(
            f"a canary needs a steady champion of another version; the state is {plan.state} with champion "
            f"{plan.champion}: promote or abort first."
        )
    return replace(
        plan,
        state="canary",
        revision=plan.revision + 1,
        canary=version,
        canary_release=release,
        basis_points=_share(basis_points),
        salt=salt,
    )


def widen_canary(plan: Plan, basis_points: int) -> Plan:
    """The canary serves a larger share; who had it keeps it.

    Raises:
        TransitionRefusedError: no canary runs, or the share would shrink.
    """
    if plan.state != "canary":
        raise TransitionRefusedError(f"no canary runs, the state is {plan.state}: start one first.")
    if basis_points == plan.basis_points:
        return plan
    if basis_points < plan.basis_points:
        raise TransitionRefusedError(
            f"the canary serves {plan.basis_points} basis points and would shrink to {basis_points}: abort it instead."
        )
    return replace(plan, revision=plan.revision + 1, basis_points=_share(basis_points))


def abort_canary(plan: Plan) -> Plan:
    """The canary ends and its release is quarantined; without a canary nothing changes."""
    if plan.canary is None:
        return plan
    return replace(
        _without_canary(plan),
        state="steady",
        revision=plan.revision + 1,
        quarantined=_with(plan, plan.canary_release),
    )


def _serving(plan: Plan, version: int, release: str, before: Served | None) -> Plan:
    return replace(
        _without_canary(plan),
        state="steady",
        revision=plan.revision + 1,
        release=release,
        champion=version,
        previous=before.version if before else None,
        previous_release=before.release if before else None,
    )


def _without_canary(plan: Plan) -> Plan:
    """The same but for the canary, with the state that a plan without one has."""
    state = "steady" if plan.state in ("canary", "paused") else plan.state
    return replace(plan, state=state, canary=None, canary_release=None, basis_points=0, salt="")


def _current(plan: Plan) -> Served | None:
    if plan.champion is None or plan.release is None:
        return None
    return Served(plan.champion, plan.release)


def _previous(plan: Plan) -> Served | None:
    if plan.previous is None or plan.previous_release is None:
        return None
    return Served(plan.previous, plan.previous_release)


def _with(plan: Plan, bad: str | None) -> tuple[str, ...]:
    if bad is None or bad in plan.quarantined:
        return plan.quarantined
    return (*plan.quarantined, bad)[-MOST_QUARANTINED:]


def _share(basis_points: int) -> int:
    if not 0 < basis_points <= BASIS_POINTS:
        raise TransitionRefusedError(f"{basis_points} basis points are no share: give 1 to {BASIS_POINTS}.")
    return basis_points


def _refuse_quarantined(plan: Plan, release: str) -> None:
    if release in plan.quarantined:
        raise TransitionRefusedError(
            f"release {release[:12]} is quarantined: push a newer commit, or lift it "
            f"(`pipelines release lift {release[:12]}`)."
        )
