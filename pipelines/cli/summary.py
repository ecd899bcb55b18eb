"""What the environment holds, as tables on the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from pipelines.models.manifest import load_manifests
from pipelines.models.prediction_tables import judgement_contract, prediction_contract
from pipelines.settings import Settings
from pipelines.tables.contract import TableContract
from pipelines.tables.contracts import ALL, ANNOTATION_FILES, SESSION_FILES

if TYPE_CHECKING:
    from dagster import DagsterInstance, RunRecord

    from pipelines.engines.engine import Engine


def print_tables(console: Console, engine: Engine, settings: Settings) -> None:
    """Rows and Delta version of every table that exists."""
    from pipelines.tables.history import current_version

    shown = _table("Tables", "table", "rows", "Delta version")
    for contract in (*ALL, *_prediction_contracts(settings)):
        if engine.exists(contract.name):
            rows = engine.table(contract.name).count()
            shown.add_row(str(contract.name), f"{rows:,}", str(current_version(engine, contract.name)))
    console.print(shown if shown.row_count else "No tables yet: run `pipelines demo` or `pipelines ingest FILE`.")


def print_quarantined(console: Console, engine: Engine, day: date | None = None, limit: int = 20) -> None:
    """Files in quarantine, of one upload day or of all, with the reason and the remedy."""
    shown = _table("Quarantined files", "file", "why", "what to do")
    count = 0
    for ledger in (SESSION_FILES, ANNOTATION_FILES):
        if engine.exists(ledger.name):
            rows = engine.table(ledger.name).where("status = 'quarantined'")
            rows = rows.where(f"upload_day = DATE'{day.isoformat()}'") if day else rows
            count += rows.count()
            for row in rows.orderBy("file_path").limit(limit).collect():
                why = f"{row['reason']} ({row['location']})" if row["location"] else row["reason"]
                shown.add_row(escape(row["file_path"]), escape(why or ""), escape(row["remedy"] or ""))
    if count:
        console.print(shown)
    if count > limit:
        console.print(f'[dim]{count} files in all: pipelines sql "SELECT * FROM main.bronze.session_files ..."[/dim]')


def print_models(console: Console, instance: DagsterInstance, settings: Settings) -> None:
    """The version that each model's asset materialized last, against its bounds and the instructor's rule."""
    from dagster import AssetKey

    title = f"Models of {settings.location}, on sessions that they never saw"
    shown = _table(title, "model", "metric", "model", "instructor's rule", "bound")
    for manifest in load_manifests().values():
        key = AssetKey([*settings.model_schema.split("."), manifest.name])
        event = instance.get_latest_materialization_event(key)
        materialization = event.asset_materialization if event else None
        if materialization is None:
            continue
        values = {name: value.value for name, value in materialization.metadata.items()}
        for number, record in enumerate(_records(values.get("metrics"))):
            name = f"{settings.model_schema}.{manifest.name} version {values['version']}" if number == 0 else ""
            style = "green" if record["holds"] and record["beats_rule"] else "red"
            rule = record["instructors_rule"]
            figure = f"[{style}]{record['model']}[/{style}]"
            shown.add_row(name, str(record["metric"]), figure, str(rule), str(record["bound"]))
    if shown.row_count:
        console.print(shown)


def print_predictions(console: Console, engine: Engine, settings: Settings) -> None:
    """Rows and sessions of each prediction table, by model version."""
    title = "Predictions"
    shown = _table(title, "table", "version", "judged", "not judged", "rows")
    ledger = judgement_contract(settings.prediction_schema)
    if not engine.exists(ledger.name):
        return
    rows = engine.spark.sql(
        f"""
        SELECT model_name, model_version, sum(CASE WHEN status = 'judged' THEN 1 ELSE 0 END) AS judged,
               sum(CASE WHEN status = 'judged' THEN 0 ELSE 1 END) AS not_judged, sum(row_count) AS row_count
        FROM {ledger.name} GROUP BY model_name, model_version ORDER BY model_name, model_version
        """
    ).collect()
    tables = {f"{settings.model_schema}.{m.name}": m.prediction.table for m in load_manifests().values()}
    for row in rows:
        table = f"{settings.prediction_schema}.{tables.get(row['model_name'], '?')}"
        counts = (row["model_version"], row["judged"], row["not_judged"], f"{row['row_count']:,}")
        shown.add_row(table, *(str(value) for value in counts))
    if shown.row_count:
        console.print(shown)


def print_runs(console: Console, instance: DagsterInstance, limit: int = 5) -> None:
    """The newest Dagster runs."""
    shown = _table("Runs", "run", "job", "upload day", "status", "took", "created (UTC)")
    for record in instance.get_run_records(limit=limit):
        run = record.dagster_run
        created = record.create_timestamp.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
        day = run.tags.get("dagster/partition", "")
        shown.add_row(run.run_id[:8], run.job_name, day, run.status.value.lower(), _took(record), created)
    if shown.row_count:
        console.print(shown)


def _took(record: RunRecord) -> str:
    """Minutes and seconds from the run's start to its end; empty while it has not ended."""
    if record.start_time is None or record.end_time is None:
        return ""
    minutes, seconds = divmod(round(record.end_time - record.start_time), 60)
    return f"{minutes}:{seconds:02} min"


def print_seconds(console: Console, parts: Mapping[str, float], title: str = "Where the time went") -> None:
    """Seconds of each part, as numbers and as bars."""
    total = sum(parts.values())
    shown = _table(title, "part", "seconds", "")
    for name, seconds in parts.items():
        shown.add_row(name, f"{seconds:.1f}", "█" * round(40 * seconds / total) if total else "")
    shown.add_row("[bold]total[/bold]", f"[bold]{total:.1f}[/bold]", "")
    console.print(shown)


def _table(title: str, *headers: str) -> Table:
    columns = [Column(header, overflow="fold") for header in headers]
    return Table(*columns, title=title, title_justify="left", header_style="bold")


def _prediction_contracts(settings: Settings) -> Iterable[TableContract]:
    yield from (prediction_contract(m, settings.prediction_schema) for m in load_manifests().values())
    yield judgement_contract(settings.prediction_schema)


def _records(value: Any) -> list[dict[str, Any]]:
    records = getattr(value, "records", None) or (value if isinstance(value, (list, tuple)) else [])
    return [dict(record.data) for record in records if hasattr(record, "data")]
