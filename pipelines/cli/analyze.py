"""`pipelines analyze`: session files of a customer, analysed on request, as the customer's own app would ask."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import click
from rich.console import Console
from rich.markup import escape

from pipelines.cli.counted import counted
from pipelines.cli.instance import open_instance
from pipelines.customers.files import customer_files
from pipelines.customers.identifier import InvalidCustomerError, customer_id
from pipelines.customers.places import SESSIONS, folder_of_customer
from pipelines.customers.requests import (
    InvalidRequestError,
    is_session_id,
    made_request,
    request_path,
    status_path,
    why_no_file_name,
)
from pipelines.customers.status import Status, status_of
from pipelines.environments import current_settings
from pipelines.landing import uploads_at
from pipelines.settings import Settings

if TYPE_CHECKING:
    from pipelines.customers.files import CustomerFiles

_LIMIT_S = 3600
_SILENCE_S = 60
"""After which a daemon is taken for gone, beyond the half minute between its signs of life."""


@click.command()
@click.argument("customer")
@click.argument("sessions", nargs=-1, required=True, metavar="FILE...")
@click.option("--model", "models", multiple=True, metavar="NAME=VERSION", help="Judge by this version of this model.")
@click.option("--wait", is_flag=True, help="Follow the request until its answer is there.")
def analyze(customer: str, sessions: tuple[str, ...], models: tuple[str, ...], wait: bool) -> None:
    """Put session files into CUSTOMER's folder and ask for their analysis; FILE may be the id of a known session.

    Where no daemon of Dagster's runs, the request is carried out by this command.
    """
    console, settings = Console(), current_settings("production")
    _require_onboarded(settings, customer)
    files = customer_files(settings, customer)
    versions = _versions(models)
    try:
        _require_valid(sessions, versions)
        named = [one if _is_known_id(one) else placed(settings, customer, files, Path(one)) for one in sessions]
        name = asked(files, named, versions)
    except InvalidRequestError as error:
        raise click.UsageError(str(error)) from None
    where = f"{settings.customers}/{customer}/{status_path(name)}"
    asked_for = f"{counted(len(named), 'session')} of {escape(customer)}"
    console.print(f"Asked for {asked_for}; the answer: {escape(where)}", soft_wrap=True)
    if not _daemon_runs(settings):
        console.print("[dim]No daemon of Dagster's runs, so this command carries the request out.[/dim]")
        _carry_out(console, settings, customer, files, name)
        wait = True
    if wait:
        tell(console, answered(console, files, name))


def asked(files: CustomerFiles, sessions: list[str], versions: dict[str, int] | None = None) -> str:
    """Put a request for these sessions (names below the sessions folder, or ids) into the inbox; its file's name.

    Raises:
        InvalidRequestError: it would be none.
    """
    values = _values(sessions, versions)
    made_request(values, "new")
    name = f"asked-{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid4().hex[:6]}.json"
    files.replace(request_path(name), json.dumps(values, indent=2).encode(), None)
    return name


def placed(settings: Settings, customer: str, files: CustomerFiles, source: Path) -> str:
    """Put a copy of the file into the customer's sessions folder; its name there.

    The same bytes under the same name are not put there twice, other bytes get a number.

    Raises:
        click.UsageError: it is no file, or its name cannot be one.
    """
    _require_session_file(source)
    assert settings.customers is not None
    uploads = uploads_at(folder_of_customer(settings.customers, customer) / SESSIONS)
    name, number = source.name, 1
    while uploads.add(source, name) is None:
        there = files.look(f"{SESSIONS}/{name}")
        if there is not None and uploads.holds(there, source):
            return name
        number += 1
        name = f"{source.stem}-{number}{source.suffix}"
    return name


def _require_valid(sessions: Sequence[str], versions: dict[str, int]) -> None:
    """Nothing is put into the customer's folder for a request that is refused: who asks could not take it back.

    Raises:
        click.UsageError, InvalidRequestError: it would be.
    """
    for one in sessions:
        if not _is_known_id(one):
            _require_session_file(Path(one))
    made_request(_values([one if _is_known_id(one) else Path(one).name for one in sessions], versions), "new")


def _require_session_file(source: Path) -> None:
    if not source.is_file():
        raise click.UsageError(f"{source} is neither a file nor the id of a session: name a flight log.")
    if problem := why_no_file_name(source.name):
        raise click.UsageError(f"{source.name!a} {problem}.")


def _values(sessions: list[str], versions: dict[str, int] | None) -> dict[str, object]:
    return {"sessions": sessions, **({"models": versions} if versions else {})}


def _is_known_id(text: str) -> bool:
    return is_session_id(text) and not Path(text).exists()


def _require_onboarded(settings: Settings, customer: str) -> None:
    from pipelines.partitions import CUSTOMERS

    try:
        customer_id(customer)
    except InvalidCustomerError as error:
        raise click.UsageError(str(error)) from None
    with open_instance(settings) as instance:
        if not instance.has_dynamic_partition(str(CUSTOMERS.name), customer):
            raise click.UsageError(
                f"There is no customer {customer}: `pipelines customer list` shows all there are, `pipelines customer "
                f"onboard {customer}` makes it one."
            )


def _versions(models: tuple[str, ...]) -> dict[str, int]:
    found: dict[str, int] = {}
    for text in models:
        name, _, version = text.partition("=")
        if not version.isascii() or not version.isdecimal():
            raise click.UsageError(f"--model {text!r}: write the model's name, `=` and a version, such as a_model=3.")
        found[name] = int(version)
    return found


def _daemon_runs(settings: Settings) -> bool:
    from dagster._daemon.controller import get_daemon_statuses
    from dagster._daemon.daemon import SensorDaemon

    kind = SensorDaemon.daemon_type()
    with open_instance(settings) as instance:
        found = get_daemon_statuses(instance, [kind], heartbeat_tolerance_seconds=_SILENCE_S)
        return bool(found[kind].healthy)


def _carry_out(console: Console, settings: Settings, customer: str, files: CustomerFiles, name: str) -> None:
    """Run the step here; once more for each further part of the request, or release whose code it needs besides."""
    from pipelines.assets.customers import STEP
    from pipelines.cli.follow import run_with_progress
    from pipelines.releases.run_tags import ANALYZE, COMMIT, CUSTOMER

    config = {"ops": {STEP: {"config": {"requests": [name]}}}}
    done: set[tuple[str, int]] = set()
    commit, parts = "", 0
    while (commit, parts) not in done:
        done.add((commit, parts))
        tags = {CUSTOMER: customer, **({COMMIT: commit} if commit else {})}
        run_with_progress(console, settings, ANALYZE, customer, tags, config=config)
        status, _ = status_of(files, name)
        if status is None or status.is_final:
            return
        commit, parts = status.commit, status.parts


def answered(console: Console, files: CustomerFiles, name: str) -> Status:
    """The final status of the request of that name, once it is there."""
    until = time.monotonic() + _LIMIT_S
    with console.status("waiting for the sensor") as shown:
        while time.monotonic() < until:
            status, _ = status_of(files, name)
            if status is not None:
                shown.update(status.state)
                if status.is_final:
                    return status
            time.sleep(0.5)
    raise click.ClickException(f"There was no answer within {_LIMIT_S} s: `pipelines status` shows the runs.")


def tell(console: Console, status: Status) -> None:
    """What became of a request, session by session and model by model.

    Raises:
        click.ClickException: it failed.
    """
    for one in status.sessions:
        page = f"  {one.review_page}" if one.review_page else ""
        reasons = " ".join(each for each in (one.reason, one.why_no_page) if each)
        told = f"{one.status}  {one.session}  {one.session_id}{page}  {reasons}"
        console.print(f"  {escape(told.rstrip())}", highlight=False, soft_wrap=True)
    for each in status.models:
        told = f"{each.session_id}  {each.model} version {each.version} ({each.route_reason}): {each.status}"
        why = f"  {each.reason}" if each.reason else f", {each.findings} findings"
        console.print(f"  {escape(told + why)}", highlight=False, soft_wrap=True)
    if status.state == "failed":
        raise click.ClickException(str(status.why))
    console.print(f"done: {escape(', '.join(status.tables.values()))}", highlight=False, soft_wrap=True)
