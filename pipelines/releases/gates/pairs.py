"""Two versions on the same held-out sessions, in pairs, with a bootstrap by session.

A session is drawn whole and for both versions at once, since its seconds resemble each other and some sessions are
hard for every version. Sessions count as the same only if data and labels were the same for both.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from pipelines.models.session_scoring import Counts, SessionScoring

RESAMPLES = 1000
SEED = 20_260_101


class Pair(NamedTuple):
    """A session that both versions were judged by."""

    facts: Mapping[str, Any]
    candidate: Counts
    champion: Counts


@dataclass(frozen=True)
class Comparison:
    """How much better the candidate is (negative: worse), in the metric's unit, on `sessions` sessions."""

    candidate: float
    champion: float
    gain: float
    lowest: float
    highest: float
    sessions: int

    @property
    def numbers(self) -> dict[str, float]:
        """All of it, for the record."""
        return {
            "candidate": self.candidate,
            "champion": self.champion,
            "gain": self.gain,
            "lowest_gain": self.lowest,
            "highest_gain": self.highest,
            "sessions": float(self.sessions),
        }


def shared_sessions(
    candidate: Sequence[Mapping[str, Any]], champion: Sequence[Mapping[str, Any]], part: str
) -> list[Pair]:
    """The sessions of one part that both were judged by, with the same data and labels, in order of their id."""

    def key(row: Mapping[str, Any]) -> tuple[Any, Any]:
        return row["session_id"], row.get("source_digest")

    known = {key(row): row for row in champion if row["part"] == part}
    rows = sorted((row for row in candidate if row["part"] == part), key=lambda row: row["session_id"])
    return [Pair(row, row["counts"], known[key(row)]["counts"]) for row in rows if key(row) in known]


def compare(
    scoring: SessionScoring, pairs: Sequence[Pair], metric: str, *, more_is_better: bool, confidence: float
) -> Comparison | None:
    """The difference in one metric with its confidence interval; None where it is undefined for one of the two.

    Resamples in which it is undefined (no upset drawn, say) are left out. The seed is fixed: the same pairs always
    give the same interval.
    """
    sign = 1.0 if more_is_better else -1.0

    def values(chosen: Sequence[Pair]) -> tuple[float, float]:
        mine = scoring.metrics_of([pair.candidate for pair in chosen])[metric]
        return mine, scoring.metrics_of([pair.champion for pair in chosen])[metric]

    candidate, champion = values(pairs) if pairs else (math.nan, math.nan)
    if math.isnan(candidate) or math.isnan(champion):
        return None
    random = np.random.default_rng(SEED)
    gains = []
    for drawn in random.integers(0, len(pairs), size=(RESAMPLES, len(pairs))):
        mine, other = values([pairs[number] for number in drawn])
        if not (math.isnan(mine) or math.isnan(other)):
            gains.append(sign * (mine - other))
    tail = (1.0 - confidence) / 2.0
    lowest, highest = (float(value) for value in np.quantile(gains, [tail, 1.0 - tail]))
    return Comparison(candidate, champion, sign * (candidate - champion), lowest, highest, len(pairs))


def too_much_worse(comparison: Comparison, margin: float) -> str | None:
    """Why the candidate loses too much, with the numbers; None if it does not.

    A loss beyond the margin is too much. So is a smaller one that is certain (the whole interval is below zero) and
    may, by its interval, be beyond the margin. A loss that may be chance must only be within the margin as measured.
    """
    if comparison.gain < -margin:
        return (
            f"it is worse by {-comparison.gain:.3g}, {-comparison.gain - margin:.2g} more than the margin {margin:g} "
            "admits"
        )
    if comparison.highest < 0 and comparison.lowest < -margin:
        return (
            f"it is worse for certain, by {-comparison.gain:.3g} and perhaps by {-comparison.lowest:.3g}, "
            f"{-comparison.lowest - margin:.2g} more than the margin {margin:g} admits"
        )
    return None
