"""Whether a model can judge a session at all: the channels that it needs against those recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.models.manifest import Manifest

if TYPE_CHECKING:
    from datetime import date

    from pyspark.sql import DataFrame

RECORDED_SHARE = 0.5
"""A channel counts as recorded if it holds a value in at least this share of the seconds with a sample."""


@dataclass(frozen=True)
class Judgement:
    """One session as a model meets it. `reason` is None where the model can judge it."""

    session_id: str
    upload_day: date
    aircraft_type: str | None
    source_digest: str
    missing_channels: tuple[str, ...]
    reason: str | None


def judgements(manifest: Manifest, sessions: DataFrame, samples: DataFrame) -> list[Judgement]:
    """Every session of `sessions`, in order of id, with what it lacks of the manifest's channels."""
    return judgements_by_model([manifest], sessions, samples)[manifest.name]


def judgements_by_model(
    manifests: Sequence[Manifest], sessions: DataFrame, samples: DataFrame
) -> dict[str, list[Judgement]]:
    """The `judgements` of several models by their names: the seconds are counted once for all."""
    from pyspark.sql import functions as F

    channels = dict.fromkeys(name for manifest in manifests for name in manifest.channels)
    recorded = F.count(F.when(~F.col("is_gap"), 1))
    counted = samples.groupBy("session_id").agg(
        recorded.alias("recorded_seconds"), *(F.count(name).alias(name) for name in channels)
    )
    facts = sessions.select("session_id", "upload_day", "aircraft_type", "source_digest")
    found = sorted(facts.join(counted, "session_id", "left").collect(), key=lambda row: row["session_id"])
    return {manifest.name: [_judgement(manifest, row.asDict()) for row in found] for manifest in manifests}


def _judgement(manifest: Manifest, row: dict) -> Judgement:
    needed = (row["recorded_seconds"] or 0) * RECORDED_SHARE
    missing = tuple(name for name in manifest.channels if (row[name] or 0) < needed or not row[name])
    lacking = [names for names in manifest.required_channels if set(names) <= set(missing)]
    reason = None
    if lacking:
        wanted = "; ".join(" or ".join(names) for names in lacking)
        reason = f"The session does not record {wanted}, without which {manifest.name} cannot judge it."
    return Judgement(row["session_id"], row["upload_day"], row["aircraft_type"], row["source_digest"], missing, reason)
