"""Copies of training sessions in which some channels are blanked.

Logs differ in what they record. A model that has only seen full logs takes a missing channel for
something it means (a null airspeed for the ground, say); one that has also learned from blanked copies
falls back on the other channels.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pipelines.models.manifest import Manifest

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

COPY_MARK = "~"


def blanked_channels(manifest: Manifest, session_id: str, copy: int) -> tuple[str, ...]:
    """The channels blanked in that copy: chance by hash, so that the same data gives the same copies.

    At least one of each required set of alternatives is kept.
    """
    probability = manifest.training.channel_dropout.probability

    def chosen(channel: str) -> bool:
        digest = hashlib.sha256(f"dropout|{session_id}|{copy}|{channel}".encode()).digest()
        return int.from_bytes(digest[:8], "big") / 2**64 < probability

    blanked = [name for name in manifest.optional_channels if chosen(name)]
    for alternatives in manifest.required_channels:
        dropped = [name for name in alternatives if chosen(name)]
        kept = len(alternatives) - len(dropped)
        blanked += dropped if kept else dropped[1:]
    return tuple(blanked)


def with_blanked_copies(
    spark: SparkSession, gold: Mapping[str, DataFrame], manifest: Manifest, session_ids: Sequence[str]
) -> dict[str, DataFrame]:
    """The gold tables with the blanked copies of `session_ids` added; a copy's id ends in `~<number>`."""
    from pyspark.sql import functions as F

    copies = [
        (session_id, f"{session_id}{COPY_MARK}{copy}", list(blanked_channels(manifest, session_id, copy)))
        for session_id in session_ids
        for copy in range(1, manifest.training.channel_dropout.copies + 1)
    ]
    if not copies:
        return dict(gold)
    plan = spark.createDataFrame(copies, "session_id STRING, copy_id STRING, blanked ARRAY<STRING>")
    widened = {}
    for name, rows in gold.items():
        copied = rows.join(plan, "session_id", "inner")
        columns = [
            F.col("copy_id").alias("session_id")
            if column == "session_id"
            else F.when(~F.array_contains("blanked", column), F.col(column)).alias(column)
            if name == "flight_samples" and column in manifest.channels
            else F.col(column)
            for column in rows.columns
        ]
        widened[name] = rows.unionByName(copied.select(*columns))
    return widened
