"""Review pages beside the other files of a customer: made anew for the sessions of which something new is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

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


def page_path(session_id: str) -> str:
    """Where the page of the session lies among the customer's files."""
    return f"{REVIEWS}/{session_id}.html"


def write_pages(
    engine: Engine,
    files: CustomerFiles,
    customer: str,
    session_ids: Sequence[str],
    progress: Callable[[str], None] = lambda _: None,
) -> None:
    """Write the page of each of the sessions, which must be in the customer's tables, over an older one.

    A page that cannot be drawn is told to `progress`, and keeps neither the rows nor the other pages from anybody.

    Raises:
        LandingUnavailableError, OSError: the customer's files cannot be written.
    """
    for start in range(0, len(session_ids), SESSIONS_AT_ONCE):
        chosen = session_ids[start : start + SESSIONS_AT_ONCE]
        for session_id, page in _pages(engine, customer, chosen, progress):
            path = page_path(session_id)
            while not files.replace(path, page.encode(), files.look(path)):
                progress(f"the page of {session_id} is being written by another run, too")
        progress(f"{start + len(chosen)} of {len(session_ids)} review pages written")


def _pages(
    engine: Engine, customer: str, session_ids: Sequence[str], progress: Callable[[str], None]
) -> Iterator[tuple[str, str]]:
    from pipelines.customers.review import review_page

    schema, these = schema_of(customer), in_list("session_id", session_ids)
    contracts = (sessions_contract, samples_contract, approaches_contract, analysis_contract, judgements_contract)
    sessions, *others = (_rows(engine, contract(schema), these) for contract in contracts)
    for session in sessions.to_dict("records"):
        session_id = str(session["session_id"])
        mine = [table.loc[table["session_id"] == session_id, :].reset_index(drop=True) for table in others]
        try:
            facts = {str(name): value for name, value in session.items()}
            yield session_id, review_page(facts, *mine)
        except Exception as error:
            progress(f"the page of {session_id} could not be drawn: {type(error).__name__}: {error}")


def _rows(engine: Engine, contract: TableContract, condition: str) -> pandas.DataFrame:
    return engine.table(contract.name).where(condition).toPandas()
