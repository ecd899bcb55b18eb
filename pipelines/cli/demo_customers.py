"""The demo's customers: two are onboarded, each asks for a session through its inbox, and what it cost is told."""

from __future__ import annotations

import tempfile
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from pipelines.cli.analyze import answered, asked, placed, tell
from pipelines.cli.cost import print_costs, update_costs
from pipelines.cli.customer import onboard_customer
from pipelines.customers.files import customer_files
from pipelines.flight.formats import QuarantineError, read_session
from pipelines.partitions import today
from pipelines.settings import Settings

CUSTOMERS = {"northern_flight": "Northern Flight School", "coast_aviation": "Coast Aviation"}
_FIRST_SEED = 90_001
"""Of sessions that no model was trained on."""
_LARGEST_BYTES = 64 * 1024 * 1024


def show_customers(console: Console, production: Settings, own: Path | None) -> None:
    """Onboard the customers, and let each ask for the analysis of a session: the first for one of `own`, if any.

    Dagster's daemon must be running, which looks into the inboxes.
    """
    waiting = []
    with tempfile.TemporaryDirectory(prefix="demo-") as folder:
        readable = _readable(own)
        logs = [*readable, *_simulated(Path(folder), len(CUSTOMERS) - len(readable))]
        for (customer, name), log in zip(CUSTOMERS.items(), logs, strict=True):
            console.rule(f"pipelines customer onboard {customer}")
            onboard_customer(console, production, customer, {"display_name": name, "monthly_budget_usd": 500.0}, "demo")
            files = customer_files(production, customer)
            waiting.append((customer, files, asked(files, [placed(production, customer, files, log)])))
    for customer, files, request in waiting:
        console.rule(f"{customer}/inbox/{request}")
        status = answered(console, files, request)
        tell(console, status)
        for page in (one.review_page for one in status.sessions if one.review_page):
            console.print(f"Review page: {escape(f'{production.customers}/{customer}/{page}')}", soft_wrap=True)
    console.rule("pipelines cost")
    update_costs(console)
    print_costs(console)


def _readable(own: Path | None) -> list[Path]:
    """Of the user's files one that is a flight log."""
    files = [] if own is None else [own] if own.is_file() else sorted(each for each in own.rglob("*") if each.is_file())
    for file in files:
        if file.stat().st_size > _LARGEST_BYTES:
            continue
        try:
            read_session(file.name, file.read_bytes())
        except QuarantineError:
            continue
        return [file]
    return []


def _simulated(folder: Path, count: int) -> list[Path]:
    from pipelines.flight.simulator.sessions import simulate_sessions

    return list(simulate_sessions(count, _FIRST_SEED, folder, today()))
