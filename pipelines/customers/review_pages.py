"""Review pages beside the other files of a customer: made anew for the sessions of which something new is known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from pipelines.customers.files import CustomerFiles
from pipelines.customers.places import REVIEWS, schema_of
from pipelines.tables.contract import TableContract
from pipelines.tables.contracts.customers import (
    analysis_contract,
    approaches_contract,
    judgements_contract,
    samples_contract,
    sessions_contract,
)
from pipelines.tables.selecting import in_list

if TYPE_CHECKING:
    import pandas

    from pipelines.engines.engine import Engine

SESSIONS_AT_ONCE = 20
"""Sessions whose seconds are held in memory together."""
_WORTH_PROCESSES = 4
"""Pages from which on starting processes pays, where Python's functions are threads of one."""
Known = tuple[dict[str, Any], list["pandas.DataFrame"]]
"""A session's row, and its rows of the other tables."""


def page_path(session_id: str) -> str:
    """Where the page of the session lies among the customer's files."""
    return f"{REVIEWS}/{session_id}.html"


def write_pages(
    engine: Engine,
    files: CustomerFiles,
    customer: str,
    session_ids: Sequence[str],
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, str]:
    """Write the page of each of the sessions, which must be in the customer's tables, over an older one.

    A page that cannot be drawn keeps neither the rows nor the other pages from anybody.

    Returns:
        Of each session whose page could not be drawn, why.

    Raises:
        LandingUnavailableError, OSError: the customer's files cannot be written.
    """
    undrawn: dict[str, str] = {}
    for start in range(0, len(session_ids), SESSIONS_AT_ONCE):
        chosen = session_ids[start : start + SESSIONS_AT_ONCE]
        for session_id, page, problem in _pages(engine, customer, chosen):
            if page is None:
                undrawn[session_id] = f"The review page could not be drawn ({problem})."
                progress(f"{session_id}: {undrawn[session_id]}")
                continue
            path = page_path(session_id)
            while not files.replace(path, page.encode(), files.look(path)):
                progress(f"the page of {session_id} is being written by another run, too")
        progress(f"{start + len(chosen)} of {len(session_ids)} review pages written")
    return undrawn


def _pages(engine: Engine, customer: str, session_ids: Sequence[str]) -> Iterable[tuple[str, str | None, str | None]]:
    schema, these = schema_of(customer), in_list("session_id", session_ids)
    contracts = (sessions_contract, samples_contract, approaches_contract, analysis_contract, judgements_contract)
    sessions, *others = (_rows(engine, contract(schema), these) for contract in contracts)
    known: list[Known] = []
    for session in sessions.to_dict("records"):
        mine = [table.loc[table["session_id"] == session["session_id"], :].reset_index(drop=True) for table in others]
        known.append(({str(name): value for name, value in session.items()}, mine))
    in_processes = engine.processes is not None and len(known) >= _WORTH_PROCESSES
    return engine.processes.map(_drawn, known) if engine.processes and in_processes else map(_drawn, known)


def _drawn(known: Known) -> tuple[str, str | None, str | None]:
    """The session's id, and its page or what kept it from being drawn."""
    from pipelines.customers.review import review_page

    session, tables = known
    try:
        return str(session["session_id"]), review_page(session, *tables), None
    except Exception as error:
        return str(session["session_id"]), None, f"{type(error).__name__}: {error}"


def _rows(engine: Engine, contract: TableContract, condition: str) -> pandas.DataFrame:
    return engine.table(contract.name).where(condition).toPandas()
