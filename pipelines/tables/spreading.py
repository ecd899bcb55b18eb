"""Spreading work over Spark's workers: which items each task gets, and the rows that come back.

The items travel with the function, and each task opens its own files. Spark's `binaryFile` reader is not used:
it holds whole batches of files in memory, and Sail's (0.7.2) returns a file twice where two tasks share it.
"""

from __future__ import annotations

import bisect
import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

    from pipelines.engines.engine import Engine
    from pipelines.engines.processes import WorkerProcesses

Item = TypeVar("Item")

ROWS_PER_BATCH = 128 * 1024
"""Some thirty megabytes of samples."""

_BYTES_PER_TASK = 64 * 1024 * 1024
_MOST_AT_ONCE, _LEAST_AT_ONCE = 160 * 1024 * 1024, 12 * 1024 * 1024
"""Bytes of a run that a process takes; each run is a file of the table, so they are not to be small without need."""

_SHARE_AT_ONCE = 0.8
"""The share of what is left that the cores' next runs hold together."""

_WORTH_PROCESSES = 16 * 1024 * 1024
"""Bytes to read from which on starting processes pays."""


def task_count(total_bytes: int, items: int) -> int:
    """How many tasks to spread that much input over: every core, and no task with more than it can soon finish."""
    return max(1, min(items, max(os.cpu_count() or 1, -(-total_bytes // _BYTES_PER_TASK))))


def divide(items: Sequence[Item], weights: Sequence[int], parts: int) -> list[list[Item]]:
    """Cut the items, in their order, into at most that many runs of about equal weight, none of them empty."""
    return _cut(items, weights, [1.0] * parts)


def divide_for(engine: Engine, items: Sequence[Item], weights: Sequence[int], total_bytes: int) -> list[list[Item]]:
    """Cut the items, in their order, into runs for the engine's workers, which read so much; none of them empty.

    Where processes take one run after another, the last runs are small, so that all cores end together.
    """
    if _processes(engine, total_bytes) is None:
        return divide(items, weights, task_count(total_bytes, len(items)))
    cores = os.cpu_count() or 1
    left, shares = float(sum(weights)), []
    while left > cores * _LEAST_AT_ONCE:
        share = min(_MOST_AT_ONCE, left * _SHARE_AT_ONCE / cores)
        shares += [share] * cores
        left -= cores * share
    return _cut(items, weights, [*shares, *[left / cores] * cores])


def _cut(items: Sequence[Item], weights: Sequence[int], shares: Sequence[float]) -> list[list[Item]]:
    """Cut the items into runs of about these shares of the weight; runs that would be empty are left out."""
    ends = list(itertools.accumulate(shares))
    scale = ends[-1] / (sum(weights) or 1)
    runs: list[list[Item]] = [[] for _ in shares]
    before = 0
    for item, weight in zip(items, weights, strict=True):
        runs[min(bisect.bisect_right(ends, (before + weight / 2) * scale), len(runs) - 1)].append(item)
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

    Where Python workers are threads, this process has threads for it without the engine, and processes beside the
    engine if it is much. Function and items must be such that pickle can move them.
    """
    if not engine.python_is_threaded:
        return spread(engine, parts, work, schema).toArrow().to_pylist()
    rows_of = partial(_rows_of_part, work=work)
    if (processes := _processes(engine, total_bytes)) is not None:
        done = processes.map(rows_of, parts)
    else:
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            done = list(threads.map(rows_of, parts))
    return [row for rows in done for row in rows]


def _processes(engine: Engine, total_bytes: int) -> WorkerProcesses | None:
    """The processes for so much work, if there are any and it is worth them."""
    return engine.processes if total_bytes >= _WORTH_PROCESSES else None


def _rows_of_part(items: list[Item], work: Callable[[Item], Iterator[pa.RecordBatch]]) -> list[dict[str, Any]]:
    return [row for item in items for batch in work(item) for row in batch.to_pylist()]


def joined(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same rows in fewer, larger batches: writing many small ones takes Sail twice the time."""
    import pyarrow as pa

    for group in grouped(batches):
        yield pa.concat_batches(group)


def grouped(batches: Iterable[pa.RecordBatch]) -> Iterator[list[pa.RecordBatch]]:
    """The batches in groups of about `ROWS_PER_BATCH` rows."""
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        if waiting and sum(each.num_rows for each in waiting) + batch.num_rows > ROWS_PER_BATCH:
            yield waiting
            waiting = []
        waiting.append(batch)
    if waiting:
        yield waiting
