"""A customer's sessions judged by versions, each session once by each version, into the customer's tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.customers.given_tables import given_tables
from pipelines.customers.places import schema_of
from pipelines.customers.predicting import FAILED, Judged, judge_sessions
from pipelines.customers.replacing import replace_rows
from pipelines.customers.routes import Assignment
from pipelines.customers.serving import Serving
from pipelines.settings import Settings
from pipelines.tables.contract_guard import ensure_tables
from pipelines.tables.contracts.customers import analysis_contract, judgements_contract
from pipelines.tables.reading import rows_with
from pipelines.tables.selecting import in_list
from pipelines.training.judging import judgements_by_model
from pipelines.training.scratch import scratch_folder

if TYPE_CHECKING:
    from pipelines.engines.engine import Engine

SESSIONS_AT_ONCE = 100
"""Sessions per commit: bounds memory, and an interrupted run goes on with what is not written yet."""
VERSIONS_AT_ONCE = 4
Key = tuple[str, str, int]
"""Session, model and version."""


@dataclass(frozen=True)
class Analysed:
    """A row of the customer's `analysed_sessions`."""

    session_id: str
    model: str
    model_version: int
    status: str
    reason: str | None
    finding_count: int
    source_digest: str
    plan_revision: int
    route_reason: str
    is_new: bool = False
    """Whether it was judged just now."""
    needs: str | None = None
    """The release by whose code it could be judged, where the running code cannot; not in the table."""

    @property
    def key(self) -> Key:
        return self.session_id, self.model, self.model_version


_COLUMNS = tuple(name for name in Analysed.__dataclass_fields__ if name not in ("is_new", "needs"))


def analyse(
    engine: Engine,
    settings: Settings,
    serving: Serving,
    customer: str,
    assignments: Iterable[Assignment],
    digests: Mapping[str, str],
    progress: Callable[[str], None] = lambda _: None,
) -> dict[Key, Analysed]:
    """Carry out the assignments; what was judged before, and did not fail, is not judged again.

    Of several assignments of the same session and version the first counts.

    Args:
        digests: source digest of each session that the customer's tables hold; others are left out.

    Returns:
        What the customer's tables hold of every session and version that is assigned.

    Raises:
        ContractViolationError: a table is not what its contract says; nothing has been written.
    """
    schema = schema_of(customer)
    analysis, ledger = analysis_contract(schema), judgements_contract(schema)
    ensure_tables(engine, analysis, ledger)
    wanted: dict[Key, Assignment] = {}
    for one in assignments:
        if one.session_id in digests:
            wanted.setdefault((one.session_id, one.model, one.version), one)
    with engine.exclusive(analysis.name):
        known = _known(engine, customer, {session_id for session_id, _, _ in wanted})
        found = {
            key: known[key]
            for key in wanted
            if key in known and known[key].source_digest == digests[key[0]] and known[key].status != FAILED
        }
        waiting = sorted(one for key, one in wanted.items() if key not in found)
        sessions = sorted({one.session_id for one in waiting})
        for start in range(0, len(sessions), SESSIONS_AT_ONCE):
            chosen = set(sessions[start : start + SESSIONS_AT_ONCE])
            batch = [one for one in waiting if one.session_id in chosen]
            judged = _judged(engine, settings, serving, customer, batch)
            for entry in _write(engine, customer, batch, judged, digests, scratch_folder(settings)):
                found[entry.key] = entry
            progress(f"{start + len(chosen)} of {len(sessions)} sessions judged")
    return found


def _judged(
    engine: Engine,
    settings: Settings,
    serving: Serving,
    customer: str,
    batch: Sequence[Assignment],
) -> dict[Key, Judged]:
    """What each version finds in its sessions: versions side by side, since most of judging waits for the engine."""
    sessions_of: dict[tuple[str, int], list[str]] = {}
    for one in batch:
        sessions_of.setdefault((one.model, one.version), []).append(one.session_id)
    named = {model for model, _ in sessions_of}
    known = [manifest for name, manifest in serving.manifests.items() if name in named]
    with given_tables(engine, customer, {one.session_id for one in batch}, scratch_folder(settings)) as given:
        can_judge = judgements_by_model(known, given.sessions, given.flight_samples)

        def judge(asked: tuple[str, int]) -> dict[str, Judged]:
            model, version = asked
            return judge_sessions(serving, model, version, sessions_of[asked], given, can_judge)

        with ThreadPoolExecutor(min(len(sessions_of), VERSIONS_AT_ONCE)) as threads:
            results = list(threads.map(judge, sessions_of))
    return {
        (session_id, model, version): judged
        for (model, version), found in zip(sessions_of, results, strict=True)
        for session_id, judged in found.items()
    }


def _known(engine: Engine, customer: str, session_ids: set[str]) -> dict[Key, Analysed]:
    contract = judgements_contract(schema_of(customer))
    rows = rows_with(engine, contract, "session_id", session_ids, _COLUMNS)
    entries = (Analysed(**row) for row in rows.to_pylist())
    return {entry.key: entry for entry in entries}


def _write(
    engine: Engine,
    customer: str,
    batch: Sequence[Assignment],
    judged: Mapping[Key, Judged],
    digests: Mapping[str, str],
    scratch: Path,
) -> list[Analysed]:
    """Write what was found, then enter it in the ledger: a crash in between makes the next run do the same again."""
    schema, now = schema_of(customer), datetime.now(UTC)
    rows: list[dict[str, Any]] = []
    entries: list[dict[str, Any]] = []
    for one in batch:
        result = judged.get(
            (one.session_id, one.model, one.version), Judged(FAILED, f"{one.model} gave no answer.", [])
        )
        common = {
            "session_id": one.session_id,
            "model": one.model,
            "model_version": one.version,
            "plan_revision": one.revision,
            "route_reason": one.reason,
            "request_id": one.request_id,
            "analysed_at": now,
        }
        rows += [{**row, **common} for row in result.rows]
        entries.append(
            {
                **common,
                "status": result.status,
                "reason": result.reason,
                "finding_count": len(result.rows),
                "source_digest": digests[one.session_id],
            }
        )
    these = " OR ".join(
        f"(model = '{model}' AND model_version = {version} AND "
        f"{in_list('session_id', {one.session_id for one in batch if (one.model, one.version) == (model, version)})})"
        for model, version in sorted({(one.model, one.version) for one in batch})
    )
    replace_rows(engine, analysis_contract(schema), these, rows, scratch)
    replace_rows(engine, judgements_contract(schema), these, entries, scratch)
    return [
        Analysed(
            **{name: entry[name] for name in _COLUMNS},
            is_new=True,
            needs=found.needs if (found := judged.get((one.session_id, one.model, one.version))) else None,
        )
        for one, entry in zip(batch, entries, strict=True)
    ]
