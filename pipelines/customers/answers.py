"""What a request is answered with: done and where, failed and why, or to be gone on with by another release's code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pipelines.customers.analysis import Analysed, Key
from pipelines.customers.places import schema_of
from pipelines.customers.predicting import FAILED
from pipelines.customers.review_pages import page_path
from pipelines.customers.sessions import CHANGED, READY
from pipelines.customers.status import ModelAnswer, SessionAnswer, Status, new_status

if TYPE_CHECKING:
    from pipelines.customers.fulfilment import Asked

TABLES = ("sessions", "analysis", "analysed_sessions", "flight_samples", "approaches")


def answer(
    customer: str,
    one: Asked,
    analysed: Mapping[Key, Analysed],
    undrawn: Mapping[str, str],
    batch: str,
    commit: str,
) -> Status:
    """The status of a request whose assignments have been carried out.

    Args:
        undrawn: of each session whose page could not be drawn, why.
        commit: the release whose code ran, if it is known.
    """
    before = one.before
    attempts, parts = (before.attempts, before.parts) if before else (0, 0)
    common = {"request_id": one.request.request_id, "batch": batch, "attempts": attempts, "parts": parts}
    if one.problem is not None:
        return new_status(one.name, one.digest, "failed", why=one.problem, **common)
    if one.is_in_part:
        common |= {"parts": parts + 1, "carried_out": len(one.in_turn)}
        so_far = {"commit": before.commit, "tried": before.tried} if before else {}  # the rest is for the same code
        return new_status(one.name, one.digest, "accepted", **common, **so_far)
    results = [
        analysed[key] for each in one.assignments if (key := (each.session_id, each.model, each.version)) in analysed
    ]
    tried = (*(before.tried if before else ()), *([commit] if commit else []))
    if missing := sorted({each.needs for each in results if each.needs and each.needs not in tried}):
        return new_status(one.name, one.digest, "accepted", commit=missing[0], tried=tried, **common)
    told = {
        **common,
        "sessions": tuple(_session(name, one, results, undrawn) for name in one.request.sessions),
        "models": tuple(_model(each) for each in sorted(results, key=lambda each: each.key)),
    }
    if all(each.status != READY for each in one.sessions.values()):
        reasons = [str(each.reason) for each in one.sessions.values()]
        why = f"No session of the request could be read. {' '.join(reasons[:3])}"
        return new_status(one.name, one.digest, "failed", why=why, **told)
    if all(each.status == FAILED for each in results):
        why = f"No model could be applied. {' '.join(dict.fromkeys(str(each.reason) for each in results[:3]))}"
        return new_status(one.name, one.digest, "failed", why=why, **told)
    tables = {table: f"{schema_of(customer)}.{table}" for table in TABLES}
    return new_status(one.name, one.digest, "done", tables=tables, **told)


def _session(name: str, one: Asked, results: list[Analysed], undrawn: Mapping[str, str]) -> SessionAnswer:
    session = one.sessions[name]
    status = session.status
    if status == READY:
        mine = [each for each in results if each.session_id == session.session_id]
        status = "analysed" if any(each.is_new for each in mine) else "unchanged"
    why_no_page = undrawn.get(session.session_id)
    has_page = session.status != CHANGED and why_no_page is None
    return SessionAnswer(
        session=name,
        session_id=session.session_id,
        status=status,
        reason=session.reason,
        review_page=page_path(session.session_id) if has_page else None,
        why_no_page=why_no_page,
    )


def _model(each: Analysed) -> ModelAnswer:
    return ModelAnswer(
        session_id=each.session_id,
        model=each.model,
        version=each.model_version,
        route_reason=each.route_reason,
        plan_revision=each.plan_revision,
        status=each.status,
        reason=each.reason,
        findings=each.finding_count,
    )
