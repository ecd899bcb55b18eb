"""Moves that a person (or a rewound branch) makes: rollback, approval, quarantine, repair. Each is a job of one step.

None trains anything. Each leaves a materialization of what customers get, so that the catalog shows who did what.
"""

from typing import Any

import dagster as dg
from pydantic import Field

from pipelines.assets.releases import CHAMPIONS, state_metadata
from pipelines.engines.engine import Engine
from pipelines.releases.move_config import MoveKind
from pipelines.settings import Settings

_MEANINGS: dict[MoveKind, str] = {
    "rollback": "Goes back to an earlier release, by default the one before, and quarantines the one that is left.",
    "approve": "Says that a person approves of models of a release, and rolls it out if nothing else is missing.",
    "quarantine": "Keeps a release that does not serve from being promoted.",
    "lift": "Ends the quarantine of a release.",
    "recover": "Completes a move that was cut off; safe at any time.",
    "repair": "Ends conflicts between the registry's tags and the record of releases, as the record says.",
    "pin": "Holds a customer at a version of a model, whatever the release plan says.",
    "unpin": "Lets the release plan choose again for a customer.",
}


class Move(dg.Config):
    """Who does it, why, and to what."""

    actor: str
    """Your name."""
    reason: str
    """In a sentence; kept for good."""
    release: str = ""
    """The commit, its first 7 characters or more; for a rollback empty means the release before."""
    models: list[str] = Field(default_factory=list)
    """For an approval: which models; all that wait for one if empty. For a pin: the one model."""
    customer: str = ""
    """For a pin: whose it is."""
    version: int = 0
    """For a pin: the version that the customer gets."""
    keep_tags: bool = False
    """For a repair: whether what somebody wrote into the registry is right, and the record is made to follow."""


def move_job(kind: MoveKind) -> dg.JobDefinition:
    """The job that makes moves of one kind."""

    @dg.op(name=f"make_{kind}", description=_MEANINGS[kind])
    def move(
        context: dg.OpExecutionContext,
        config: Move,
        engine: dg.ResourceParam[Engine],
        settings: dg.ResourceParam[Settings],
        step_launcher: dg.ResourceParam[object],
    ) -> None:
        from pipelines.customers.registry import UnknownCustomerError
        from pipelines.releases.registry import MlflowRegistry
        from pipelines.releases.transitions import TransitionRefusedError

        registry = MlflowRegistry(settings)
        try:
            record, said = _moved(kind, config, engine, settings, registry, context.run_id)
        except (TransitionRefusedError, ValueError, UnknownCustomerError) as error:
            raise dg.Failure(str(error), allow_retries=False) from None
        context.log.info(said)
        context.log_event(
            dg.AssetMaterialization(
                CHAMPIONS,
                partition=record.current_release,
                description=said,
                metadata={"outcome": kind, "why": said, "actor": config.actor, **state_metadata(record, registry)},
            )
        )

    @dg.job(name=kind, description=_MEANINGS[kind])
    def job() -> None:
        move()

    return job


def _moved(
    kind: MoveKind, config: Move, engine: Engine, settings: Settings, registry: Any, run_id: str
) -> tuple[Any, str]:
    """The record after the move, and what was done in words."""
    from pipelines.releases.entry import By
    from pipelines.releases.site import open_releases

    releases, by = open_releases(engine, settings), By(config.actor, config.reason)
    before = releases.journal.read()
    release = before.named(config.release) if config.release else ""
    if kind in ("approve", "quarantine", "lift") and not release:
        raise ValueError(f"which release? Give the first characters of the commit to {kind}.")
    match kind:
        case "rollback":
            record = releases.rollback(by, release or None)
        case "approve":
            return _approved(release, config, engine, registry, releases, by, run_id)
        case "quarantine":
            record = releases.quarantine(release, by)
        case "lift":
            record = releases.lift(release, by)
        case "recover":
            problems = releases.recover()
            return releases.journal.read(), " ".join(problems) or "every plan and alias is as the record says."
        case "repair":
            record = releases.repair(by, keep_tags=config.keep_tags)
        case "pin" | "unpin":
            return _pinned(kind == "pin", config, engine, registry, releases, by)
    current = record.current_release
    serves = f"release {current[:12]} serves" if current else "nothing serves"
    changed = record.next_sequence != before.next_sequence
    return record, f"{kind}: {serves}{'' if changed else ', as before; nothing was to be done'}. {config.reason}"


def _approved(
    release: str, config: Move, engine: Engine, registry: Any, releases: Any, by: Any, run_id: str
) -> tuple[Any, str]:
    from pipelines.models.manifest import load_manifests
    from pipelines.releases.rollout import roll_out

    manifests = load_manifests()
    waiting = [name for name, manifest in manifests.items() if manifest.gates.approval == "person"]
    chosen = config.models or waiting
    if unknown := sorted(set(chosen) - set(manifests)):
        raise ValueError(f"there is no model {', '.join(unknown)}: there are {', '.join(manifests)}.")
    releases.approve(release, chosen, by)
    found = roll_out(release, manifests, releases, registry, engine.name, type(by)(f"run {run_id}", by.reason))
    return found.record, f"{', '.join(chosen)} approved by {config.actor}; {found.outcome}: {found.sentence}"


def _pinned(holds: bool, config: Move, engine: Engine, registry: Any, releases: Any, by: Any) -> tuple[Any, str]:
    from pipelines.customers.registry import customer_of
    from pipelines.releases.pins import why_not_for_customers

    if len(config.models) != 1:
        raise ValueError(f"a pin is of one model, not of {len(config.models)}: name it in `models`.")
    customer, [model] = config.customer, config.models
    if not holds:  # also of a customer who has left
        record = releases.unpin(customer, model, by)
        return record, f"{customer} gets of {model} what the release plan says. {by.reason}"
    customer_of(engine, customer)
    if (problem := why_not_for_customers(releases.journal.read(), registry, model, config.version)) is not None:
        raise ValueError(problem)
    release = registry.tags(model, config.version)["commit"]
    record = releases.pin(customer, model, config.version, release, by)
    return record, f"{customer} is held at version {config.version} of {model}. {by.reason}"


MOVES: tuple[MoveKind, ...] = ("rollback", "approve", "quarantine", "lift", "recover", "repair", "pin", "unpin")
move_jobs = [move_job(kind) for kind in MOVES]
