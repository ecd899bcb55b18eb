"""A customer with rows and files, made without a workspace, for tests of archives and offboarding."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

from pipelines.customers.archive import Belongings
from pipelines.customers.onboarding import onboard
from pipelines.customers.places import schema_of
from pipelines.engines.engine import Engine
from pipelines.tables.arrow_rows import rows_to_frame
from pipelines.tables.contracts.customers import corrections_contract, judgements_contract

AT = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
DAY = date(2026, 11, 2)


def made_customer(engine: Engine, home: Path, customer: str = "acme", rows: int = 3) -> Belongings:
    """An active customer with `rows` corrections and judgements, and three files."""
    files = home / "customers" / customer
    onboard(engine, customer, {}, files, "ada")
    add_rows(engine, customer, rows)
    (files / "sessions" / "2026").mkdir()
    (files / "sessions" / "2026" / "flight Ä.csv").write_bytes(b"\x00\xff" * 1000)
    (files / "inbox" / "request.json").write_text(f'{{"customer": "{customer}"}}')
    (files / "reviews" / "a.html.part").write_text("unfinished")
    return Belongings(engine, customer, files, home / "scratch")


def add_rows(engine: Engine, customer: str, count: int, first: int = 0) -> None:
    """More corrections and judgements of the customer."""
    schema = schema_of(customer)
    corrections = [
        {
            "correction_id": f"{customer}-{number}",
            "session_id": "0123456789abcdef",
            "kind": "maneuver_segments",
            "start_second": number,
            "end_second": number + 5,
            "label": None if number % 2 else "steep turn",
            "instructor": f"instructor of {customer}",
            "model": "maneuver_classifier",
            "model_version": 1,
            "predicted": "[]",
            "shared": False,
            "recorded_at": AT,
        }
        for number in range(first, first + count)
    ]
    judgements = [
        {
            "session_id": f"{number:016x}",
            "model": "maneuver_classifier",
            "model_version": 1,
            "status": "judged",
            "finding_count": number,
            "source_digest": "d",
            "plan_revision": 1,
            "route_reason": "champion",
            "request_id": "r",
            "analysed_at": AT,
        }
        for number in range(first, first + count)
    ]
    for contract, made in ((corrections_contract(schema), corrections), (judgements_contract(schema), judgements)):
        engine.append(contract.name, rows_to_frame(engine, contract, made))
