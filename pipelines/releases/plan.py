"""The release plan of one model: which version customers get, and from which commit.

It is the tag `release_plan` of the registered model and the truth about it; the aliases only repeat it.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, fields
from typing import Literal, get_args

PLAN_TAG = "release_plan"
LONGEST_TAG = 1000
"""Characters that Unity Catalog keeps of a tag's value."""
BASIS_POINTS = 10_000
"""Basis points of all units."""
MOST_QUARANTINED = 8
"""Quarantined releases that a plan remembers; the oldest give way. The audit remembers all."""

State = Literal["empty", "steady", "canary", "paused", "retired"]
"""empty: never released. steady: the champion serves all. canary, paused: the canary serves a share, which grows or
is held. retired: the model is no longer part of the release."""

Alias = Literal["champion", "canary", "previous"]
ALIASES: tuple[Alias, ...] = get_args(Alias)

_LAYOUT = 1
_COMMIT = re.compile(r"^[0-9a-f]{7,64}$")
_SALT = re.compile(r"^[A-Za-z0-9_-]{1,32}$")


class InvalidPlanError(ValueError):
    """A plan that contradicts itself or a tag that is none; the message says what and what to do."""


@dataclass(frozen=True)
class Plan:
    """What one model serves. `release` is the commit of the set that the model belongs to.

    A champion may be older than `release`: a model that failed its gate may keep it, if its manifest says so.
    """

    state: State = "empty"
    revision: int = 0
    """Grows by one with every transition, and never shrinks."""
    release: str | None = None
    champion: int | None = None
    previous: int | None = None
    """The champion before, and `previous_release` the commit of its set: where a rollback goes."""
    previous_release: str | None = None
    canary: int | None = None
    canary_release: str | None = None
    basis_points: int = 0
    """Share of units that the canary serves, of 10,000."""
    salt: str = ""
    """Decides, with the unit, who gets the canary; another salt for each canary."""
    quarantined: tuple[str, ...] = ()
    """Releases that may not be promoted until somebody lifts it, oldest first."""

    def __post_init__(self) -> None:
        if (problem := _problem(self)) is not None:
            raise InvalidPlanError(f"release plan of revision {self.revision}: {problem}.")

    def to_json(self) -> str:
        """The tag's value: at most 1000 characters, the same for the same plan.

        Raises:
            InvalidPlanError: it would be longer.
        """
        values = {name: value for name, value in asdict(self).items() if value not in (None, "", ())}
        text = json.dumps({"layout": _LAYOUT, **values}, separators=(",", ":"))
        if len(text) > LONGEST_TAG:
            raise InvalidPlanError(
                f"release plan of revision {self.revision} takes {len(text)} characters, a tag holds {LONGEST_TAG}: "
                "lift the quarantine of old releases."
            )
        return text


def plan_from_json(text: str) -> Plan:
    """The plan that `to_json` wrote.

    Raises:
        InvalidPlanError: it is not one, with the key and what is wrong with it.
    """
    remedy = f"The tag {PLAN_TAG} is written by releases alone: restore it from the audit (`pipelines release repair`)"
    try:
        values = json.loads(text)
    except ValueError as error:
        raise InvalidPlanError(f"{text[:80]!r} is no JSON ({error}). {remedy}.") from error
    if not isinstance(values, dict):
        raise InvalidPlanError(f"{text[:80]!r} is no JSON object. {remedy}.")
    if (layout := values.pop("layout", None)) != _LAYOUT:
        raise InvalidPlanError(f"layout is {layout!r}, this code reads {_LAYOUT}: run the code of the newest release.")
    known = {field.name for field in fields(Plan)}
    if unknown := sorted(set(values) - known):
        raise InvalidPlanError(f"keys {', '.join(unknown)} are unknown. {remedy}.")
    if missing := sorted({"state", "revision"} - set(values)):
        raise InvalidPlanError(f"keys {', '.join(missing)} are missing. {remedy}.")
    if isinstance(values.get("quarantined"), list):
        values["quarantined"] = tuple(values["quarantined"])
    try:
        return Plan(**values)
    except InvalidPlanError as error:
        raise InvalidPlanError(f"{error} {remedy}.") from error


def aliases_of(plan: Plan) -> dict[Alias, int]:
    """The aliases that the plan implies, with the version of each; those that are absent must not exist."""
    wanted: dict[Alias, int | None] = {
        "champion": plan.champion,
        "canary": plan.canary,
        "previous": plan.previous,
    }
    return {name: version for name, version in wanted.items() if version is not None}


def _problem(plan: Plan) -> str | None:
    return _wrong_type(plan) or _wrong_value(plan) or _contradiction(plan)


def _wrong_type(plan: Plan) -> str | None:
    if plan.state not in get_args(State):
        return f"state is {plan.state!r}, not one of {', '.join(get_args(State))}"
    for name in ("revision", "basis_points"):
        if type(getattr(plan, name)) is not int:
            return f"{name} is {getattr(plan, name)!r}, no whole number"
    for name in ("champion", "canary", "previous"):
        value = getattr(plan, name)
        if value is not None and (type(value) is not int or value < 1):
            return f"{name} is {value!r}, no version number"
    for name in ("release", "previous_release", "canary_release"):
        value = getattr(plan, name)
        if value is not None and not is_commit(value):
            return f"{name} is {value!r}, no commit"
    if not isinstance(plan.quarantined, tuple) or not all(is_commit(one) for one in plan.quarantined):
        return f"quarantined is {plan.quarantined!r}, no list of commits"
    if not isinstance(plan.salt, str) or (plan.salt and not _SALT.match(plan.salt)):
        return f"salt is {plan.salt!r}, not 1 to 32 letters, digits, hyphens or underscores"
    return None


def _wrong_value(plan: Plan) -> str | None:
    if plan.revision < 0:
        return f"revision is {plan.revision}, less than 0"
    if not 0 <= plan.basis_points <= BASIS_POINTS:
        return f"basis_points is {plan.basis_points}, not 0 to {BASIS_POINTS}"
    if len(plan.quarantined) > MOST_QUARANTINED or len(set(plan.quarantined)) < len(plan.quarantined):
        return f"quarantined holds a release twice or more than {MOST_QUARANTINED}"
    return None


def _contradiction(plan: Plan) -> str | None:
    serving = plan.state in ("steady", "canary", "paused")
    if serving != (plan.champion is not None):
        return f"state is {plan.state}, and champion is {plan.champion}"
    if (plan.release is None) != (plan.state == "empty"):
        return f"state is {plan.state}, and release is {plan.release}"
    if (plan.previous is None) != (plan.previous_release is None):
        return "previous and previous_release are not given together"
    has_canary = plan.state in ("canary", "paused")
    if not (has_canary == (plan.canary is not None) == (plan.canary_release is not None) == bool(plan.salt)):
        return f"state is {plan.state}, which does not go with canary {plan.canary} of {plan.canary_release}"
    if plan.basis_points and not has_canary:
        return f"basis_points is {plan.basis_points} without a canary"
    if has_canary and plan.canary == plan.champion:
        return f"version {plan.canary} is champion and canary"
    if plan.release is not None and plan.release in plan.quarantined:
        return f"release {plan.release} serves and is quarantined"
    if plan.canary_release is not None and plan.canary_release in plan.quarantined:
        return f"release {plan.canary_release} is canary and quarantined"
    return None


def is_commit(value: object) -> bool:
    """Whether `value` is a commit as git writes it: 7 to 64 hexadecimal digits."""
    return isinstance(value, str) and _COMMIT.match(value) is not None
