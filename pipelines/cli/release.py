"""`pipelines release`: what each environment runs, and the moves that people make.

A release itself starts with `git push`; there is no command for it.
"""

from __future__ import annotations

import getpass
from typing import Any

import click
from rich.console import Console

from pipelines.cli.follow import run_with_progress
from pipelines.cli.instance import open_instance
from pipelines.cli.release_check import check
from pipelines.cli.release_status import print_status
from pipelines.cli.reproduce import reproduce
from pipelines.environments import current_settings
from pipelines.releases.move_config import MoveKind, move_config

_reason = click.option("--reason", required=True, help="Why, in a sentence; kept for good.")
_actor = click.option("--actor", default=getpass.getuser, show_default="your user name", help="Who does it.")
_commit = click.argument("release")


@click.group()
def release() -> None:
    """What customers get. A release starts with a push to the branch `release`; here are the moves besides."""


@release.command()
def status() -> None:
    """What each environment runs, since when, from which commit and data, and what is on its way."""
    print_status(Console())


@release.command()
@click.option("--to", "target", default="", help="Commit to go back to; default: the release before.")
@_reason
@_actor
def rollback(target: str, reason: str, actor: str) -> None:
    """Go back to an earlier release, without training and without git; the one that is left is quarantined."""
    _move("rollback", actor, reason, release=target)


@release.command()
@_commit
@click.option("--model", "models", multiple=True, help="Only this model; may be given more than once.")
@_reason
@_actor
def approve(release: str, models: tuple[str, ...], reason: str, actor: str) -> None:
    """Approve of a release's models whose manifests ask for a person, and roll it out if nothing else is missing."""
    _move("approve", actor, reason, release=release, models=list(models))


@release.command()
@_commit
@_reason
@_actor
def quarantine(release: str, reason: str, actor: str) -> None:
    """Keep a release that does not serve from being promoted."""
    _move("quarantine", actor, reason, release=release)


@release.command()
@_commit
@_reason
@_actor
def lift(release: str, reason: str, actor: str) -> None:
    """End the quarantine of a release."""
    _move("lift", actor, reason, release=release)


@release.command()
@click.argument("customer")
@click.argument("model")
@click.argument("version", type=click.IntRange(min=1))
@_reason
@_actor
def pin(customer: str, model: str, version: int, reason: str, actor: str) -> None:
    """Hold CUSTOMER at VERSION of MODEL, whatever is released, until it is unpinned."""
    _move("pin", actor, reason, customer=customer, models=[model], version=version)


@release.command()
@click.argument("customer")
@click.argument("model")
@_reason
@_actor
def unpin(customer: str, model: str, reason: str, actor: str) -> None:
    """Let the release plan choose again which version of MODEL CUSTOMER gets."""
    _move("unpin", actor, reason, customer=customer, models=[model])


@release.command()
@_actor
def recover(actor: str) -> None:
    """Complete a move that was cut off; safe at any time."""
    _move("recover", actor, "completes what may have been cut off")


@release.command()
@click.option("--keep-tags", is_flag=True, help="What somebody wrote into the registry is right: the record follows.")
@_reason
@_actor
def repair(keep_tags: bool, reason: str, actor: str) -> None:
    """End conflicts between the registry's tags and the record of releases, as the record says."""
    _move("repair", actor, reason, keep_tags=keep_tags)


@release.command()
@_commit
def retry(release: str) -> None:
    """Try once more to release a commit that was refused, or that failed too often."""
    console, settings = Console(), current_settings("production")
    with open_instance(settings) as instance:
        commit, tags = _asked_before(instance, release)
    run = run_with_progress(console, settings, "release", commit, tags)
    console.print(f"[dim]Dagster run {run.run_id}, {run.seconds:.0f} s[/dim]")
    print_status(console)


@release.command()
@_commit
def accept(release: str) -> None:
    """Accept a head of `release` that does not follow from where the branch was: history was rewritten on purpose."""
    from pipelines.releases.git.head import is_whole_commit
    from pipelines.sensors.branch_record import accept_head

    if not is_whole_commit(release):
        raise click.BadParameter("give the whole commit, 40 hexadecimal digits: the sensor's last tick names it.")
    with open_instance(current_settings("production")) as instance:
        accept_head(instance, release)
    click.echo(f"{release[:12]} is accepted; the sensor's next tick goes on with it.")


release.add_command(reproduce)
release.add_command(check)


def _move(kind: MoveKind, actor: str, reason: str, **config: Any) -> None:
    console, settings = Console(), current_settings("production")
    run = run_with_progress(console, settings, kind, config=move_config(kind, actor=actor, reason=reason, **config))
    console.print(f"[dim]Dagster run {run.run_id}, {run.seconds:.1f} s[/dim]")
    print_status(console)


def _asked_before(instance: Any, beginning: str) -> tuple[str, dict[str, str]]:
    """The commit of an earlier attempt, and the tags of the next one."""
    from dagster import RunsFilter

    from pipelines.releases.run_tags import ATTEMPT, AUTHOR, COMMIT, HEAD, SIGNER
    from pipelines.sensors.branch_record import commit_of

    for run in instance.get_runs(RunsFilter(job_name="release"), limit=200):
        commit = commit_of(run)
        if commit and commit.startswith(beginning) and AUTHOR in run.tags:
            kept = {name: run.tags[name] for name in (COMMIT, HEAD, AUTHOR, SIGNER) if name in run.tags}
            return commit, {**kept, ATTEMPT: str(int(run.tags.get(ATTEMPT, "1")) + 1), "pipelines/trigger": "person"}
    raise click.BadParameter(f"no commit that begins with {beginning!r} was ever asked for: push it instead.")
