"""Held-out sessions one by one: what a model's metrics are made of, so that two versions can be compared in pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.models.gate_rules import SLICED_BY
from pipelines.models.session_scoring import Counts

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class SessionCounts:
    """One session of one part of the held-out sessions, and its counts."""

    part: str
    session_id: str
    counts: Counts


def with_facts(counts: Sequence[SessionCounts], sessions: DataFrame) -> list[dict[str, Any]]:
    """JSON rows: part, session_id, source_digest, the columns of SLICED_BY, and the counts.

    `source_digest` says which data and labels the session was judged by.
    """
    columns = [name for name in ("session_id", "source_digest", *SLICED_BY) if name in sessions.columns]
    facts = {row["session_id"]: row.asDict() for row in sessions.select(*columns).collect()}
    return [{"part": one.part, **facts[one.session_id], "counts": one.counts} for one in counts]
