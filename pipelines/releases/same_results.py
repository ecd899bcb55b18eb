"""What came out of a training twice: where metrics, predictions and session scores differ, in words."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pipelines.releases.gates.candidate import Candidate

if TYPE_CHECKING:
    from pipelines.training.making import MadeModel

_MOST = 5
"""Metrics that are told one by one."""


def differences(before: Candidate, now: MadeModel) -> list[str]:
    """A sentence for each kind of result that differs, in its last digit or more; none where all are equal."""
    measured = {name: value for name, value in now.report.metrics.items() if value == value}
    predictions = now.estimator.predict_proba(now.example).tolist()
    return [
        *_of_metrics(before.metrics, measured),
        *_of_predictions(before.example_predictions, predictions),
        *_of_sessions(before.session_scores, now.session_scores),
    ]


def _of_metrics(before: Mapping[str, float], now: Mapping[str, float]) -> Iterable[str]:
    other = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
    if other:
        told = "; ".join(f"{name} was {_shown(before.get(name))}, is {_shown(now.get(name))}" for name in other[:_MOST])
        more = f"; and {len(other) - _MOST} more" if len(other) > _MOST else ""
        yield f"{len(other)} of {len({*before, *now})} metrics: {told}{more}."


def _of_predictions(before: Sequence[Sequence[float]], now: Sequence[Sequence[float]]) -> Iterable[str]:
    if [len(row) for row in before] != [len(row) for row in now]:
        yield f"The input example had {_size(before)} predictions, and has {_size(now)}."
        return
    apart = [abs(one - other) for row, again in zip(before, now, strict=True)
             for one, other in zip(row, again, strict=True)]  # fmt: skip
    if any(apart):
        changed = sum(value > 0 for value in apart)
        yield f"Predictions of the input example: {changed} of {len(apart)} by up to {max(apart):.3g}."


def _of_sessions(before: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    then, again = _by_session(before), _by_session(now)
    other = sorted(key for key in {*then, *again} if then.get(key) != again.get(key))
    if other:
        part, session = other[0]
        yield f"Scores of {len(other)} of {len({*then, *again})} held-out sessions, {session} ({part}) for one."


def _by_session(rows: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], str]:
    # As text, since one side was kept as JSON and the other was not.
    return {(row["part"], row["session_id"]): json.dumps(row, sort_keys=True) for row in rows}


def _shown(value: float | None) -> str:
    return "not measured" if value is None else repr(value)


def _size(rows: Sequence[Sequence[float]]) -> str:
    return f"{len(rows)} x {len(rows[0]) if rows else 0}"
