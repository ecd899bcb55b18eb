"""What checks found, left by the step that checks for the steps that attest it.

A step is a process of its own, perhaps on another machine, so results travel in a table. They hold for one state of
the tables that were checked and for one version of the rules' code, and are nobody's truth for any other. Who may
write this table may write silver itself, so it asks for no more trust than silver does.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from pipelines.tables.arrow_rows import rows_to_frame
from pipelines.tables.code_digest import tables_code_digest
from pipelines.tables.contract import TableContract
from pipelines.tables.contract_guard import ensure_tables
from pipelines.tables.contracts import CHECK_RESULTS
from pipelines.tables.history import current_version
from pipelines.tables.quality import QualityResult
from pipelines.tables.retries import until_committed
from pipelines.tables.selecting import in_list

if TYPE_CHECKING:
    from pipelines.engines.engine import Engine

Results = dict[str, QualityResult]


def evaluate_and_record(
    engine: Engine, upload_day: date, sources: Iterable[TableContract], evaluate: Callable[[], Results]
) -> Results:
    """What `evaluate` finds by name of check, recorded unless a source changed meanwhile."""
    sources = tuple(sources)
    before = _state_of(engine, sources)
    found = evaluate()
    if _state_of(engine, sources) == before:
        _record(engine, upload_day, before, found)
    return found


def recorded_results(
    engine: Engine, upload_day: date, sources: Iterable[TableContract], checks: Iterable[str]
) -> Results | None:
    """What was found for the sources as they are now; None if any of these checks was not evaluated since."""
    if not engine.exists(CHECK_RESULTS.name):
        return None
    state = _state_of(engine, tuple(sources))
    rows = (
        engine.table(CHECK_RESULTS.name)
        .where(f"{in_list('upload_day', [upload_day])} AND {in_list('sources', [state])}")
        .where(in_list("code_digest", [tables_code_digest()]))
        .select("check_name", "passed", "description", "figures")
        .toArrow()
        .to_pylist()
    )
    found = {
        row["check_name"]: QualityResult(row["passed"], row["description"], json.loads(row["figures"])) for row in rows
    }
    wanted = list(checks)
    return {name: found[name] for name in wanted} if set(wanted) <= set(found) else None


def _state_of(engine: Engine, sources: tuple[TableContract, ...]) -> str:
    return " ".join(f"{contract.name}@{current_version(engine, contract.name)}" for contract in sources)


def _record(engine: Engine, upload_day: date, sources: str, found: Mapping[str, QualityResult]) -> None:
    ensure_tables(engine, CHECK_RESULTS)
    now = datetime.now(UTC)
    rows = [
        {
            "upload_day": upload_day,
            "sources": sources,
            "code_digest": tables_code_digest(),
            "check_name": name,
            "passed": result.passed,
            "description": result.description,
            "figures": json.dumps(result.metadata, default=str),
            "checked_at": now,
        }
        for name, result in found.items()
    ]
    same = " AND ".join(f"t.{name} = s.{name}" for name in CHECK_RESULTS.key)
    until_committed(
        lambda: engine.merge(
            CHECK_RESULTS.name,
            f"{in_list('t.upload_day', [upload_day])} AND {same}",
            "WHEN NOT MATCHED THEN INSERT *",
            rows_to_frame(engine, CHECK_RESULTS, rows),
        )
    )
