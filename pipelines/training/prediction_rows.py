"""Writing prediction rows: computed once, merged in one commit, then entered in the ledger."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from pipelines.tables.contract import TableContract
from pipelines.training.judging import Judgement
from pipelines.training.registry import TrainedModel

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from pipelines.engines.engine import Engine


def written(
    engine: Engine,
    scratch: Path,
    model: TrainedModel,
    predictions: TableContract,
    ledger: TableContract,
    batch: Sequence[Judgement],
    predicted: DataFrame,
) -> int:
    """Make `predicted` the only rows of these sessions and this version; the number of rows.

    The ledger is written last: a crash before it makes the next run do the same again, with the same end.

    Args:
        predicted: session_id and the manifest's prediction columns.
    """
    from pyspark.sql import functions as F

    days = [(one.session_id, one.upload_day) for one in batch]
    upload_days = engine.spark.createDataFrame(days, "session_id STRING, upload_day DATE")
    folder = scratch / f"predictions_{uuid4().hex}"
    now = datetime.now(UTC)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        complete = (
            predicted.join(upload_days, "session_id", "inner")
            .withColumn("model_name", F.lit(model.registered_name))
            .withColumn("model_version", F.lit(model.version).cast("bigint"))
            .withColumn("predicted_at", F.lit(now).cast("timestamp"))
            .select(*predictions.column_names)
        )
        # MERGE reads its source more than once; the model's work is done once, here.
        complete.write.parquet(str(folder))
        rows = engine.spark.read.parquet(str(folder))
        counts = {row["session_id"]: row["count"] for row in rows.groupBy("session_id").count().collect()}
        _merge_sessions(engine, predictions, rows, model, [one.session_id for one in batch])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    entries = [_entry(one, model, counts.get(one.session_id, 0), now) for one in batch]
    schema = ", ".join(f"{column.name} {column.type}" for column in ledger.columns)
    entered = engine.spark.createDataFrame(entries, schema)
    engine.merge(ledger.name, _on(ledger), "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *", entered)
    return sum(counts.values())


def _merge_sessions(
    engine: Engine, predictions: TableContract, rows: DataFrame, model: TrainedModel, session_ids: Sequence[str]
) -> None:
    listed = ", ".join(f"'{session_id}'" for session_id in session_ids)
    stale = (
        f"t.model_name = '{model.registered_name}' AND t.model_version = {model.version} AND t.session_id IN ({listed})"
    )
    engine.merge(
        predictions.name,
        _on(predictions),
        "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT * "
        f"WHEN NOT MATCHED BY SOURCE AND {stale} THEN DELETE",
        rows,
    )


def _on(contract: TableContract) -> str:
    return " AND ".join(f"t.{column} = s.{column}" for column in contract.key)


def _entry(one: Judgement, model: TrainedModel, row_count: int, now: datetime) -> tuple[Any, ...]:
    return (
        one.session_id,
        one.upload_day,
        model.registered_name,
        model.version,
        "judged" if one.reason is None else "not_judged",
        one.reason,
        list(one.missing_channels),
        row_count,
        one.source_digest,
        now,
    )
