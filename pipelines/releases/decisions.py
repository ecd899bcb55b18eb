"""What a move of the whole set means for each model's plan: pure, from the record to the plans that follow."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from pipelines.releases import transitions
from pipelines.releases.entry import Event, Transition
from pipelines.releases.plan import Plan, is_commit
from pipelines.releases.record import Record
from pipelines.releases.transitions import Served, TransitionRefusedError


class SupersededError(TransitionRefusedError):
    """A newer release was requested meanwhile: this one does not become champion any more."""


@dataclass(frozen=True)
class Change:
    """One model's part in a move; an event leaves the plan as it is."""

    model: str
    transition: Event | Transition
    release: str
    before: Plan
    after: Plan


def requested(record: Record, release: str, models: Iterable[str], anew: bool = False) -> list[Change]:
    """A release is on its way; nothing if it was the last one requested and has not been refused.

    The release that serves may be requested `anew`, to be trained on gold that has grown; but not while a newer
    one is on its way, which would be superseded by it.

    Raises:
        TransitionRefusedError: it is in quarantine, it served before the one that does (which is a rollback), or a
            newer one is on its way.
    """
    if not is_commit(release):
        raise TransitionRefusedError(f"{release!r} is no commit: give its hexadecimal name.")
    _refuse_quarantined(record, release)
    if record.newest_requested == release and (
        release == record.on_its_way or (release == record.current_release and not anew)
    ):
        return []
    if release == record.current_release and (newer := record.on_its_way) is not None:
        raise TransitionRefusedError(
            f"release {newer[:12]} is on its way: training {release[:12]} anew would supersede it. Wait for its end."
        )
    if release in record.sets and release != record.current_release:
        raise TransitionRefusedError(
            f"release {release[:12]} has served already: going back to it is a rollback, without training."
        )
    return [_event(record, "requested", model, release) for model in sorted(models)]


def promoted(record: Record, release: str, versions: Mapping[str, int], kept: Collection[str] = ()) -> list[Change]:
    """The set of one release becomes champion: its versions, champions that are kept, and the rest retired.

    Raises:
        SupersededError: another release was requested after it, or it was never requested.
        TransitionRefusedError: it is in quarantine, or it holds no model.
    """
    if record.current_release == release and record.sets[release] == {**record.sets[release], **versions}:
        return []
    if record.newest_requested != release:
        newest = record.newest_requested
        raise SupersededError(
            f"release {release[:12]} was superseded by {newest[:12]}: it does not become champion any more."
            if newest
            else f"release {release[:12]} was never requested: push it, or request it first."
        )
    _refuse_quarantined(record, release)
    if not versions:
        raise TransitionRefusedError(f"release {release[:12]} has no version of any model: train it first.")
    if both := sorted(set(versions) & set(kept)):
        raise TransitionRefusedError(f"{', '.join(both)} cannot be promoted and kept at once.")
    changes = []
    for model, version in versions.items():
        plan = record.plans.get(model, Plan())
        changes.append(Change(model, "promoted", release, plan, transitions.promote(plan, version, release)))
    for model in kept:
        plan = record.plans.get(model, Plan())
        changes.append(Change(model, "kept", release, plan, transitions.keep(plan, release)))
    changes += _retired(record, release, {*versions, *kept}, None)
    return _real(changes)


def rolled_back(record: Record, target: str | None = None) -> list[Change]:
    """The set goes back to `target`, or to the release before; the one that it leaves is quarantined.

    A target that served later than the current release (after its quarantine was lifted) is gone forward to again,
    which quarantines nothing.

    Raises:
        TransitionRefusedError: nothing serves, the target never served or is in quarantine, or there is none.
    """
    current = record.current_release
    if current is None:
        raise TransitionRefusedError("no release serves: there is nothing to roll back.")
    if target is None:
        earlier = record.before(current)
        if not earlier:
            raise TransitionRefusedError(
                f"no release before {current[:12]} may serve again: push a newer commit, or lift a quarantine."
            )
        target = earlier[0]
    if target == current:
        return []
    if target not in record.sets:
        raise TransitionRefusedError(f"release {target[:12]} never served: push it to the branch `release` instead.")
    _refuse_quarantined(record, target)
    order = list(record.sets)
    is_backward = order.index(target) < order.index(current)
    bad = current if is_backward else None
    earlier = record.before(target)
    changes = []
    for model, version in record.sets[target].items():
        plan = record.plans[model]
        before = next((Served(record.sets[one][model], one) for one in earlier if model in record.sets[one]), None)
        after = transitions.rollback(plan, Served(version, target), before, bad)
        changes.append(Change(model, "rolled_back" if is_backward else "restored", target, plan, after))
    changes += _retired(record, target, record.sets[target], bad)
    return _real(changes)


def quarantined(record: Record, release: str) -> list[Change]:
    """`release` may not be promoted; every model remembers it."""
    return _each(record, "quarantined", release)


def lifted(record: Record, release: str) -> list[Change]:
    """`release` may be promoted again."""
    return _each(record, "lifted", release)


def event(record: Record, kind: Event, release: str, models: Iterable[str]) -> list[Change]:
    """An event of these models: their plans stay."""
    return [_event(record, kind, model, release) for model in sorted(models)]


def pinned(record: Record, customer: str, model: str, version: int, release: str) -> list[Change]:
    """The customer is held at that version of the model, which is of `release`; nothing if it is already."""
    pin = record.pins.get(model, {}).get(customer)
    return [] if pin is not None and pin.version == version else [_event(record, "pinned", model, release)]


def unpinned(record: Record, customer: str, model: str) -> list[Change]:
    """The customer is held at no version of the model any more.

    Raises:
        TransitionRefusedError: it was not.
    """
    pin = record.pins.get(model, {}).get(customer)
    if pin is None:
        raise TransitionRefusedError(
            f"{customer} has no pin of {model}: `pipelines release status` shows all there are."
        )
    return [_event(record, "unpinned", model, pin.release)]


def _each(record: Record, kind: Transition, release: str) -> list[Change]:
    step = transitions.quarantine if kind == "quarantined" else transitions.lift
    return _real([Change(model, kind, release, plan, step(plan, release)) for model, plan in record.plans.items()])


def _retired(record: Record, release: str, staying: Collection[str], bad: str | None) -> list[Change]:
    return [
        Change(model, "retired", release, plan, transitions.retire(plan, release, bad))
        for model, plan in record.serving.items()
        if model not in staying
    ]


def _event(record: Record, kind: Event, model: str, release: str) -> Change:
    plan = record.plans.get(model, Plan())
    return Change(model, kind, release, plan, plan)


def _real(changes: list[Change]) -> list[Change]:
    return [change for change in changes if change.after != change.before]


def _refuse_quarantined(record: Record, release: str) -> None:
    if release in record.quarantined:
        raise TransitionRefusedError(
            f"release {release[:12]} is in quarantine: push a newer commit, or lift it "
            f"(`pipelines release lift {release[:12]}`)."
        )
