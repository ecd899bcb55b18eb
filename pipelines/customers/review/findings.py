"""What the models found, taken apart for the page: which version counts, and what kind each finding is of."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import filterfalse
from typing import TYPE_CHECKING, Any

from pipelines.customers.review.words import is_missing

if TYPE_CHECKING:
    import pandas

SEGMENTS, APPROACHES, UPSETS = "maneuver_segments", "approach_judgements", "upset_events"
"""The kinds of findings that the page knows how to show; others are listed as they are."""


@dataclass(frozen=True)
class Upset:
    """One departure from normal flight; alarms and suspicions are numbered apart, by time."""

    number: int
    start_second: int
    end_second: int
    label: str | None
    score: float | None


@dataclass(frozen=True)
class Findings:
    """The findings of the versions that the page shows."""

    segments: pandas.DataFrame
    """maneuver, start_second, end_second and score, by time."""
    alarms: list[Upset]
    suspicions: list[Upset]
    """What came near to an upset and is not reported as one."""
    foreseen: dict[int, dict[str, Any]]
    """What was foreseen of each approach, by its gate second."""
    others: list[dict[str, Any]]
    """Findings of kinds that the page does not know."""
    versions: dict[str, int]
    """The version of each model that is shown."""


def findings_of(analysis: pandas.DataFrame, judgements: pandas.DataFrame) -> Findings:
    """The findings of the version of each model that analysed the session last."""
    versions = _newest_versions(judgements) or _newest_versions(analysis)
    rows = [
        row
        for row in analysis.to_dict("records")
        if not is_missing(row["model_version"]) and versions.get(row["model"]) == int(row["model_version"])
    ]
    rows.sort(key=lambda row: (_second(row.get("start_second")), row["model"], row["finding"]))
    upsets = [row for row in rows if row["kind"] == UPSETS and not is_missing(row["start_second"])]
    foreseen = {}
    for row in rows:
        if row["kind"] == APPROACHES:
            details = details_of(row)
            foreseen[int(details.get("gate_second") or _second(row["start_second"]))] = details
    return Findings(
        segments=_segments(rows),
        alarms=[_upset(count, row) for count, row in enumerate(filter(_is_alarm, upsets), start=1)],
        suspicions=[_upset(count, row) for count, row in enumerate(filterfalse(_is_alarm, upsets), start=1)],
        foreseen=foreseen,
        others=[row for row in rows if row["kind"] not in (SEGMENTS, APPROACHES, UPSETS)],
        versions=versions,
    )


def details_of(row: dict[str, Any]) -> dict[str, Any]:
    """The model's own row of a finding; empty where it is none that can be read."""
    try:
        details = json.loads(row.get("details") or "{}")
    except (TypeError, ValueError):
        return {}
    return details if isinstance(details, dict) else {}


def names_in(value: Any) -> list[str]:
    """The names in an array cell, as pandas holds it: a list, a numpy array or null."""
    return [] if value is None or isinstance(value, (float, str)) else [str(name) for name in value]


def _newest_versions(table: pandas.DataFrame) -> dict[str, int]:
    if table.empty:
        return {}
    ordered = table.sort_values(["analysed_at", "model_version"], kind="stable")
    return {str(model): int(version) for model, version in zip(ordered["model"], ordered["model_version"], strict=True)}


def _segments(rows: list[dict[str, Any]]) -> pandas.DataFrame:
    import pandas as pd

    kept = [
        {
            "maneuver": row["label"],
            "start_second": int(row["start_second"]),
            "end_second": int(row["end_second"]),
            "score": row["score"],
        }
        for row in rows
        if row["kind"] == SEGMENTS
        and not any(is_missing(row[name]) for name in ("label", "start_second", "end_second"))
    ]
    return pd.DataFrame(kept, columns=pd.Index(["maneuver", "start_second", "end_second", "score"]))


def _is_alarm(row: dict[str, Any]) -> bool:
    # A model that tells no alarms from suspicions means what it reports.
    return bool(details_of(row).get("is_alarm", True))


def _upset(count: int, row: dict[str, Any]) -> Upset:
    start = int(row["start_second"])
    end = start if is_missing(row["end_second"]) else int(row["end_second"])
    return Upset(count, start, end, row["label"], None if is_missing(row["score"]) else float(row["score"]))


def _second(value: Any) -> int:
    return -1 if is_missing(value) else int(value)
