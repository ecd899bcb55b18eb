"""A model's prediction rows as rows of the customer's `analysis`, which holds those of all models."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from pipelines.models.manifest import Manifest

_LABELS = ("maneuver", "outcome", "kind", "label")
_SCORES = ("confidence", "score", "stable_probability", "probability")
_ENDING_OF_SCORES = "_probability"
_INSTANTS = ("second", "gate_second")
"""What stands for the start where a model's rows have none."""


def findings(
    manifest: Manifest, rows: Iterable[Mapping[str, Any]], approach_starts: Mapping[tuple[str, int], int]
) -> dict[str, list[dict[str, Any]]]:
    """The model's rows by session, each as the columns of `analysis` that tell what was found, numbered by time.

    Args:
        rows: `session_id` and the manifest's prediction columns.
        approach_starts: first second of each approach, by session and number.
    """
    label, score = _label_column(manifest), _score_column(manifest)
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        start = _start(row, approach_starts)
        end = row.get("end_second", start)
        found.setdefault(row["session_id"], []).append(
            {
                "session_id": row["session_id"],
                "model": manifest.name,
                "kind": manifest.prediction.table,
                "start_second": start,
                "end_second": end,
                "label": None if label is None or row[label] is None else str(row[label]),
                "score": _number(row[score]) if score else None,
                "is_stable": row.get("is_stable"),
                "failed_criteria": list(row.get("failed_criteria") or ()),
                "details": json.dumps({name: _plain(row[name]) for name in manifest.prediction_column_names}),
            }
        )
    for each in found.values():
        each.sort(key=lambda one: (_order(one["start_second"]), _order(one["end_second"]), one["details"]))
        for number, one in enumerate(each, start=1):
            one["finding"] = number
    return found


def _label_column(manifest: Manifest) -> str | None:
    names = {column.name: column.type for column in manifest.prediction.columns}
    return next((name for name in _LABELS if names.get(name) == "STRING"), None)


def _score_column(manifest: Manifest) -> str | None:
    names = [column.name for column in manifest.prediction.columns if column.type == "DOUBLE"]
    named = [name for name in _SCORES if name in names]
    return next(iter([*named, *(name for name in names if name.endswith(_ENDING_OF_SCORES))]), None)


def _start(row: Mapping[str, Any], approach_starts: Mapping[tuple[str, int], int]) -> int | None:
    if row.get("start_second") is not None:
        return row["start_second"]
    if row.get("approach") is not None and (known := approach_starts.get((row["session_id"], row["approach"]))):
        return known
    return next((row[name] for name in _INSTANTS if row.get(name) is not None), None)


def _order(second: int | None) -> int:
    return -1 if second is None else second


def _number(value: Any) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _plain(value: Any) -> Any:
    """The value as JSON has it."""
    if isinstance(value, float):
        return _number(value)
    if value is None or isinstance(value, str | bool | int):
        return value
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else str(value)
