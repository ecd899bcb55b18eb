"""`pipelines release reproduce`: which commit a version is of, the run that makes it again, and what came of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.markup import escape

from pipelines.cli.follow import run_with_progress
from pipelines.cli.instance import open_instance
from pipelines.environments import current_settings
from pipelines.settings import Settings

if TYPE_CHECKING:
    from dagster import DagsterInstance

_VERSION = re.compile(r"^([a-z][a-z0-9_]*)@([1-9][0-9]*)$")
_FETCH_SECONDS = 60.0


class UnknownVersionError(LookupError):
    """Dagster knows of no release that made the version."""


class CommitIsGoneError(LookupError):
    """The version's commit is neither in the mirror nor to be had from the remote."""


@click.command()
@click.argument("version")
def reproduce(version: str) -> None:
    """Make VERSION (model@number) once more, from its provenance alone, and say whether the same comes of it.

    The code is that of the version's commit, gold is as it was then. Nothing is registered and nothing moves. Ends
    with code 1 if something differs.
    """
    if (named := _VERSION.match(version)) is None:
        raise click.BadParameter(f"{version!r} is no version: write it as maneuver_classifier@3.")
    model, number = named[1], int(named[2])
    console, settings = Console(), current_settings("production")
    with open_instance(settings) as instance:
        commit = commit_of_version(instance, settings, model, number)
    require_commit(settings, commit)
    console.print(f"{model} version {number} is of commit {commit[:12]}.")
    run = run_with_progress(console, settings, "reproduce", tags=_tags(commit), config=_config(model, number))
    with open_instance(settings) as instance:
        equal, sentence = _answer(instance, run.run_id)
    console.print(f"[{'green' if equal else 'red'}]{escape(sentence)}[/]")
    console.print(f"[dim]Dagster run {run.run_id}, {run.seconds:.0f} s[/dim]")
    if not equal:
        raise click.exceptions.Exit(1)


def commit_of_version(instance: DagsterInstance, settings: Settings, model: str, version: int, page: int = 100) -> str:
    """The commit whose release made the version, from what Dagster keeps of the model's asset.

    Args:
        page: how many materializations are read at a time.

    Raises:
        UnknownVersionError: there is none; names the versions that there are.
    """
    from dagster import AssetKey

    key, cursor, known = AssetKey([*settings.model_schema.split("."), model]), None, set[int]()
    while True:
        found_page = instance.fetch_materializations(key, limit=page, cursor=cursor)
        for record in found_page.records:
            made = record.asset_materialization
            found = made.metadata.get("version") if made else None
            if made is None or found is None or not made.partition:
                continue
            if found.value == version:
                return made.partition
            known.add(int(str(found.value)))
        cursor = found_page.cursor
        if not found_page.has_more:
            told = ", ".join(map(str, sorted(known))) or "none"
            raise UnknownVersionError(
                f"No release made {model} version {version}, as far as Dagster knows. Versions that it knows: {told}."
            )


def require_commit(settings: Settings, commit: str) -> None:
    """Have the commit in this machine's mirror, from which its code is shipped.

    Raises:
        CommitIsGoneError: the remote does not give it.
    """
    from pipelines.releases.branch import mirror_of
    from pipelines.releases.git.problem import Problem

    mirror = mirror_of(settings)
    if not (mirror.repository.folder.is_dir() and mirror.repository.has(commit)):
        found = mirror.fetch(_FETCH_SECONDS, also=commit)
        if not mirror.repository.has(commit):
            why = str(found) if isinstance(found, Problem) else "The branch does not lead to it."
            raise CommitIsGoneError(
                f"Commit {commit} is not to be had from {settings.git.url}. {why} If its history was rewritten, push "
                "the commit again, to any branch."
            )


def _tags(commit: str) -> dict[str, str]:
    from pipelines.releases.run_tags import COMMIT

    return {COMMIT: commit}


def _config(model: str, version: int) -> dict[str, object]:
    from pipelines.assets.reproduction import STEP

    return {"ops": {STEP: {"config": {"model": model, "version": version}}}}


def _answer(instance: DagsterInstance, run_id: str) -> tuple[bool, str]:
    from dagster import DagsterEventType

    from pipelines.assets.reproduction import EQUAL, FOUND

    [entry] = instance.all_logs(run_id, of_type=DagsterEventType.ASSET_OBSERVATION)
    assert entry.dagster_event is not None
    metadata = entry.dagster_event.asset_observation_data.asset_observation.metadata
    return bool(metadata[EQUAL].value), str(metadata[FOUND].value)
