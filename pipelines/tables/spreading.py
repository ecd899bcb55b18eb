"""Spreading work over Spark's workers: which items each task gets, and the rows that come back.

The items travel with the function, and each task opens its own files. Spark's `binaryFile` reader is not used:
it holds whole batches of files in memory, and Sail's (0.7.2) returns a file twice where two tasks share it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

    from pipelines.engines.engine import Engine

Item = TypeVar("Item")

ROWS_PER_BATCH = 128 * 1024
"""Some thirty megabytes of samples."""

_BYTES_PER_TASK = 64 * 1024 * 1024
_WORTH_PROCESSES = 16 * 1024 * 1024
"""Bytes to read from which on starting processes pays."""


def task_count(total_bytes: int, items: int) -> int:
    """How many tasks to spread that much input over: every core, and no task with more than it can soon finish."""
    return max(1, min(items, max(os.cpu_count() or 1, -(-total_bytes // _BYTES_PER_TASK))))


def divide(items: Sequence[Item], weights: Sequence[int], parts: int) -> list[list[Item]]:
    """Cut the items, in their order, into at most that many runs of about equal weight, none of them empty."""
    total = sum(weights) or 1
    runs: list[list[Item]] = [[] for _ in range(parts)]
    before = 0
    for item, weight in zip(items, weights, strict=True):
        runs[min(parts - 1, (before + weight // 2) * parts // total)].append(item)
        before += weight
    return [run for run in runs if run]


def spread(
    engine: Engine,
    parts: list[list[Item]],
    work: Callable[[Item], Iterator[pa.RecordBatch]],
    schema: str,
) -> DataFrame:
    """The rows that `work` yields for every item, each part of the items in a task of its own.

    `schema` is Spark SQL (`name type, ...`); `work` must yield batches of exactly these columns.
    """

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for number in batch.column(0).to_pylist():
                yield from joined(each for item in parts[number] for each in work(item))

    return engine.spark.range(0, len(parts), 1, len(parts)).mapInArrow(run, schema)


def gather(
    engine: Engine,
    parts: list[list[Item]],
    work: Callable[[Item], Iterator[pa.RecordBatch]],
    schema: str,
    total_bytes: int,
) -> list[dict[str, Any]]:
    """The same rows, in no order, for a few of them; `total_bytes` is what is to be read for them.

    Where Python workers are threads, much work is done by processes beside the engine. Function and items must be
    such that pickle can move them.
    """
    if engine.processes is not None and total_bytes >= _WORTH_PROCESSES:
        done = engine.processes.map(partial(_rows_of_part, work=work), parts)
        return [row for rows in done for row in rows]
    return spread(engine, parts, work, schema).toArrow().to_pylist()


def _rows_of_part(items: list[Item], work: Callable[[Item], Iterator[pa.RecordBatch]]) -> list[dict[str, Any]]:
    return [row for item in items for batch in work(item) for row in batch.to_pylist()]


def joined(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same rows in fewer, larger batches: writing many small ones takes Sail twice the time."""
    import pyarrow as pa

    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        if waiting and sum(each.num_rows for each in waiting) + batch.num_rows > ROWS_PER_BATCH:
            yield pa.concat_batches(waiting)
            waiting = []
        waiting.append(batch)
    if waiting:
        yield pa.concat_batches(waiting)
