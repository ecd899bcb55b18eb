"""Files of corrections carried out: what they say is stored, answered beside them, and told if it is to be shared.

The answer is written last, and a file that has its answer is still told to be shared: a run that dies in between and
is tried again loses nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipelines.customers.correction_rows import Recorded, Unmatched, record_corrections
from pipelines.customers.corrections import InvalidCorrectionError, read_corrections
from pipelines.customers.files import CustomerFiles, customer_files
from pipelines.customers.places import schema_of
from pipelines.customers.requests import default_id
from pipelines.customers.status import (
    RecordedAnswer,
    Status,
    UnmatchedAnswer,
    content_of,
    new_status,
    status_of_content,
    tell,
)
from pipelines.settings import Settings
from pipelines.tables.contracts.customers import corrections_contract, sessions_contract
from pipelines.tables.selecting import in_list

if TYPE_CHECKING:
    from pipelines.engines.engine import Engine

_LABEL = ("correction_id", "session_id", "kind", "start_second", "end_second", "label", "recorded_at")
"""What of a correction becomes a label: nothing that the customer wrote in words."""


@dataclass
class Corrected:
    """What one run did about files of corrections."""

    answers: list[Status] = field(default_factory=list)
    recorded: int = 0
    unmatched: int = 0
    shared: list[dict[str, Any]] = field(default_factory=list)
    """Sessions to be shared with all their shared corrections, see `pipelines.customers.label_sharing.SharedSession`;
    empty for a customer who does not share."""


def correct(
    engine: Engine, settings: Settings, customer: str, names: Sequence[str], shares: bool, batch: str = ""
) -> Corrected:
    """Store what files of the customer's inbox correct, and answer each.

    Args:
        shares: whether the customer's settings share corrections.

    Raises:
        NoCustomersError: the location has no customers.
        LandingUnavailableError, OSError: the customer's files cannot be reached.
    """
    files = customer_files(settings, customer)
    found, ids = Corrected(), set[str]()
    for name in names:
        done = _one(engine, files, customer, name, shares, batch)
        if done is None:
            continue
        status, results = done
        found.answers.append(status)
        recorded = [each for each in results if isinstance(each, Recorded)]
        found.recorded += len(recorded)
        found.unmatched += len(results) - len(recorded)
        ids |= {each.session_id for each in recorded}
    if shares and ids:
        found.shared = _shared(engine, customer, ids)
    return found


def _one(
    engine: Engine, files: CustomerFiles, customer: str, name: str, shares: bool, batch: str
) -> tuple[Status, list[Recorded | Unmatched]] | None:
    """The file's answer and what became of each correction; None if the file is gone, or is being written again."""
    content = content_of(files, name)
    if content is None:
        return None
    digest, same = status_of_content(files, name, content)
    attempts = same.attempts if same is not None else 0
    common = {"request_id": default_id(name, content), "batch": batch, "attempts": attempts}
    try:
        corrections = read_corrections(name, content)
    except InvalidCorrectionError as error:
        return tell(files, new_status(name, digest, "failed", why=str(error), **common)), []
    results = record_corrections(engine, customer, corrections, shares)
    return tell(files, _answer(customer, name, digest, results, common)), results


def _answer(
    customer: str, name: str, digest: str, results: Sequence[Recorded | Unmatched], common: dict[str, Any]
) -> Status:
    counts = Counter(each for each in results if isinstance(each, Recorded))
    told = {
        **common,
        "recorded": tuple(
            RecordedAnswer(
                session=each.session,
                session_id=each.session_id,
                model=each.model,
                version=each.model_version,
                corrections=count,
            )
            for each, count in counts.items()
        ),
        "unmatched": tuple(
            UnmatchedAnswer(correction=number, session=each.session, reason=each.reason)
            for number, each in enumerate(results, start=1)
            if isinstance(each, Unmatched)
        ),
    }
    if not counts:
        reasons = dict.fromkeys(each.reason for each in told["unmatched"])
        why = f"No correction could be stored. {' '.join(list(reasons)[:3])}"
        return new_status(name, digest, "failed", why=why, **told)
    tables = {"corrections": str(corrections_contract(schema_of(customer)).name)}
    return new_status(name, digest, "done", tables=tables, **told)


def _shared(engine: Engine, customer: str, ids: set[str]) -> list[dict[str, Any]]:
    schema = schema_of(customer)
    chosen = in_list("session_id", ids)
    sessions = engine.table(sessions_contract(schema).name).where(chosen)
    corrections = engine.table(corrections_contract(schema).name).where(chosen).where("shared")
    rows = corrections.select(*_LABEL).toArrow().to_pylist()
    return [
        {
            "session_id": each["session_id"],
            "file_name": each["file_name"],
            "corrections": [
                {**row, "recorded_at": row["recorded_at"].isoformat()}
                for row in sorted(rows, key=lambda row: row["correction_id"])
                if row["session_id"] == each["session_id"]
            ],
        }
        for each in sessions.select("session_id", "file_name").toArrow().to_pylist()
    ]
