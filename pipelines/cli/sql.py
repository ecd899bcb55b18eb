"""`pipelines sql`: a query with three-level names."""

from __future__ import annotations

import csv
import re
import sys
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from pipelines.cli.counted import counted
from pipelines.cli.locations import described_locations, where_to_ask
from pipelines.engines import open_engine
from pipelines.environments import current_settings

_READS = re.compile(r"\s*(select|with|show|describe|explain|values|from|table)\b", re.IGNORECASE)


@click.command()
@click.argument("query")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1), help="Most rows to print.")
@click.option("--csv", "as_csv", is_flag=True, help="Print as CSV, all rows.")
@click.option("--write", is_flag=True, help="Allow statements that change tables (gold counts as tampered with then).")
def sql(query: str, limit: int, as_csv: bool, write: bool) -> None:
    """Run a query on the tables of this machine and print the rows. On Databricks use its SQL editor.

    Example: pipelines sql "SELECT maneuver, count(*) AS seconds FROM main.gold.flight_samples GROUP BY maneuver"
    """
    query = query.strip().rstrip(";")
    if not write and not _READS.match(query):
        raise click.UsageError("Only queries are run: begin with SELECT or WITH, or say --write to change tables.")
    if remote := [each for each in described_locations().values() if each.is_on_databricks]:
        raise click.ClickException(" ".join(map(where_to_ask, remote)))
    settings = current_settings()
    engine = open_engine(settings.engine, settings.tables)
    try:
        result = engine.spark.sql(query)
        columns = result.columns
        rows = result.collect() if as_csv else result.limit(limit + 1).collect()
    finally:
        engine.stop()
    if as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(["" if value is None else value for value in row] for row in rows)
        return
    table = Table(*columns, header_style="bold")
    for row in rows[:limit]:
        table.add_row(*(_text(value) for value in row))
    console = Console()
    console.print(table)
    more = f", the first {limit} shown" if len(rows) > limit else ""
    console.print(f"[dim]{'more than ' if more else ''}{counted(min(len(rows), limit), 'row')}{more}[/dim]")


def _text(value: Any) -> str:
    if value is None:
        return "[dim]null[/dim]"
    return f"{value:,.6g}" if isinstance(value, float) else str(value).replace("[", "\\[")
