"""From gold to examples: usable sessions, split, blanked copies, features, written once and read often."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from pipelines.models.manifest import Manifest
from pipelines.models.protocol import ModelCode
from pipelines.training.dropout import COPY_MARK, with_blanked_copies
from pipelines.training.gold import Gold, only_sessions
from pipelines.training.judging import judgements
from pipelines.training.split import KNOWN, UNSEEN, require_enough, split_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from pipelines.engines.engine import Engine

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Examples:
    """Examples with the column `split`, and what became of the sessions."""

    rows: DataFrame
    sessions: Counter[str]
    """Labelled sessions per part of the split, without copies."""
    unusable: tuple[str, ...]
    """Why sessions were left out, a sentence each."""

    def labelled(self, code: ModelCode, *parts: str) -> DataFrame:
        """The labelled examples of these parts."""
        from pyspark.sql import functions as F

        return self.rows.where(F.col(code.LABEL).isNotNull() & F.col("split").isin(*parts))

    def test(self, part: str, *, blanked: bool = False) -> DataFrame:
        """All examples of the test sessions of one part, or those of their blanked copies."""
        from pyspark.sql import functions as F

        copied = F.col("session_id").contains(COPY_MARK)
        return self.rows.where((F.col("split") == part) & (copied if blanked else ~copied))


@contextmanager
def prepared_examples(
    engine: Engine, manifest: Manifest, code: ModelCode, gold: Gold, scratch: Path, progress: Progress
) -> Iterator[Examples]:
    """The examples of every usable session, kept below `scratch` until the end of the block.

    Sessions of the unseen type are not copied; of the others every one is, test sessions included, so
    that the effect of missing channels is measured on sessions that taught nothing.
    """
    from pyspark.sql import functions as F

    found = judgements(manifest, gold.tables["sessions"], gold.tables["flight_samples"])
    usable = {one.session_id: one for one in found if one.reason is None}
    unusable = tuple(f"{one.session_id}: {one.reason}" for one in found if one.reason is not None)
    unseen = manifest.training.unseen_aircraft_type
    parts = {one.session_id: split_of(one.session_id, one.aircraft_type, unseen) for one in usable.values()}
    progress(f"{len(usable)} usable sessions, {len(unusable)} left out")
    require_enough(parts.values(), unseen)

    tables = only_sessions(engine, gold.tables, list(usable))
    copied = [session_id for session_id, part in parts.items() if part != UNSEEN]
    tables = with_blanked_copies(engine.spark, tables, manifest, copied)
    split = engine.spark.createDataFrame(sorted(parts.items()), "original_id STRING, split STRING")
    rows = code.features(tables, manifest.parameters)
    rows = rows.withColumn("original_id", F.split(F.col("session_id"), COPY_MARK)[0])
    rows = rows.join(split, "original_id", "inner").drop("original_id")

    folder = scratch / f"examples_{manifest.name}_{uuid4().hex}"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        rows.write.parquet(str(folder))
        kept = engine.spark.read.parquet(str(folder))
        labelled = (
            kept.where(F.col(code.LABEL).isNotNull() & ~F.col("session_id").contains(COPY_MARK))
            .select("session_id")
            .distinct()
            .collect()
        )
        counts = require_enough((parts[row["session_id"]] for row in labelled), unseen)
        progress(", ".join(f"{part}: {number} sessions" for part, number in sorted(counts.items())))
        yield Examples(kept, counts, unusable)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


TEST_PARTS = (KNOWN, UNSEEN)
