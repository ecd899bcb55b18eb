"""One screen: what each environment runs, since when, from which commit and data, and what is on its way."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from pipelines.cli.instance import open_instance
from pipelines.cli.locations import described_locations
from pipelines.models.manifest import load_manifests
from pipelines.settings import Settings

if TYPE_CHECKING:
    from dagster import DagsterInstance

_MOST_MOVES = 6


def print_status(console: Console) -> None:
    """Read from Dagster alone: every move and every training tells it what came of it."""
    found = described_locations()
    with open_instance(next(iter(found.values()))) as instance:
        if "production" in found:
            _print_production(console, instance)
            _print_on_its_way(console, instance)
        if "development" in found:
            _print_development(console, instance, found["development"])


def _print_production(console: Console, instance: DagsterInstance) -> None:
    from pipelines.assets.releases import CHAMPIONS
    from pipelines.releases.state import status_from
    from pipelines.sensors.branch_record import release_state

    state = release_state(instance, CHAMPIONS)
    if not state.get("current"):
        console.print("[bold]Production[/bold]: nothing was released yet. Push a commit to the branch `release`.")
    if not state:
        return
    status = status_from(state)
    shown = _table(
        f"Production, release {(status.release or 'none')[:12]}",
        "model", "serves", "since (UTC)", "trained for", "gold versions", "previous",
    )  # fmt: skip
    for model in status.models:
        gold = ", ".join(f"{name.rpartition('.')[2]} {number}" for name, number in sorted(model.gold_versions.items()))
        serves = f"version {model.champion}" if model.champion is not None else model.state
        previous = "" if model.previous is None else f"version {model.previous}"
        shown.add_row(model.model, serves, _when(model.since), (model.trained_for or "")[:12], gold, previous)
    console.print(shown)
    for release, why in state.get("quarantined", {}).items():
        console.print(f"[yellow]In quarantine[/yellow] {release[:12]}: {escape(why)}")
    for pin in state.get("pins", []):
        held = "" if pin["holds"] else ", which is in quarantine: the release plan chooses"
        console.print(
            f"[cyan]Pinned[/cyan] {pin['customer']}: {pin['model']} version {pin['version']} of release "
            f"{pin['release'][:12]}{held}: {escape(pin['why'])}"
        )
    moves = _table("Last moves", "when (UTC)", "what", "release", "who", "why")
    for event in status.events[:_MOST_MOVES]:
        moves.add_row(_when(event.at), event.what, event.release[:12], escape(event.actor), escape(event.reason[:300]))
    console.print(moves)


def _print_on_its_way(console: Console, instance: DagsterInstance) -> None:
    from dagster import RunsFilter

    from pipelines.releases.run_tags import ATTEMPT
    from pipelines.sensors.attempt_outcome import ending_of
    from pipelines.sensors.branch_record import commit_of

    runs = instance.get_runs(RunsFilter(job_name="release"), limit=1)
    for run in runs:
        commit = (commit_of(run) or "?")[:12]
        attempt = f"{commit}, attempt {run.tags.get(ATTEMPT, '1')}, Dagster run {run.run_id[:8]}"
        if not run.is_finished:
            stats = instance.get_run_step_stats(run.run_id)
            done = sum(step.status is not None and step.status.value == "SUCCESS" for step in stats)
            console.print(f"[cyan]On its way[/cyan]: {attempt}: {run.status.value.lower()}, {done} steps done.")
        elif not run.is_success:
            ending = ending_of(instance, run)
            console.print(f"[red]Last attempt[/red]: {attempt}: {ending.outcome}. {escape(ending.why)}")
    console.print(f"The branch: {escape(last_tick(instance, 'release_branch'))}")


def last_tick(instance: DagsterInstance, sensor: str) -> str:
    """When the sensor last looked, and what it said."""
    # A location that was renamed leaves the sensor's state of before, whose last words would be told for ever.
    found = [
        tick
        for state in instance.all_instigator_state()
        if state.instigator_name == sensor
        for tick in instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=1)
    ]
    if not found:
        return "nobody watches it: `pipelines dev` (or the daemon) does."
    tick = max(found, key=lambda tick: tick.timestamp)
    said = tick.skip_reason or (str(tick.error.message).strip() if tick.error else "")
    said = said or (f"run {tick.run_ids[0][:8]} was asked for." if tick.run_ids else tick.status.value.lower())
    return f"{_when(datetime.fromtimestamp(tick.timestamp, UTC))}: {said}"


def _print_development(console: Console, instance: DagsterInstance, settings: Settings) -> None:
    from dagster import AssetKey

    shown = _table("Development", "model", "version", "since (UTC)", "code", "gold versions", "main metric")
    for manifest in load_manifests().values():
        event = instance.get_latest_materialization_event(AssetKey([*settings.model_schema.split("."), manifest.name]))
        if event is None or event.asset_materialization is None:
            continue
        values: dict[str, Any] = {name: each.value for name, each in event.asset_materialization.metadata.items()}
        gold = ", ".join(
            f"{name.rpartition('.')[2]} {number}"
            for name, number in sorted((values.get("gold_versions") or {}).items())
        )
        metric = values.get(manifest.primary_metric)
        shown.add_row(
            manifest.name,
            f"version {values.get('version')}",
            _when(datetime.fromtimestamp(event.timestamp, UTC)),
            str(values.get("commit") or "")[:12] + (" and changes" if values.get("uncommitted_changes") else ""),
            gold,
            f"{manifest.primary_metric} {metric:.3f}" if isinstance(metric, float) else "",
        )
    console.print(shown if shown.row_count else "[bold]Development[/bold]: no model was trained yet.")


def _when(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def _table(title: str, *headers: str) -> Table:
    columns = [Column(header, overflow="fold") for header in headers]
    return Table(*columns, title=title, title_justify="left", header_style="bold")
