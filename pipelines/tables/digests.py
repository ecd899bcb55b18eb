"""Content digests of landed files: two files of the same bytes are the same session."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.tables.landed_files import FileChangedError, LandedFile, read_as_listed
from pipelines.tables.spreading import divide, spread, task_count

if TYPE_CHECKING:
    import pyarrow as pa

    from pipelines.engines.engine import Engine


@dataclass(frozen=True)
class Digested:
    """What reading a file's bytes gave: its digest, or why there is none."""

    file: LandedFile
    digest: str | None
    is_growing: bool = False
    failure: str | None = None


def digest_files(engine: Engine, files: list[LandedFile]) -> list[Digested]:
    """The SHA-256 of every file, in the order given; read by Spark's workers, unless these are threads anyway."""
    if not files:
        return []
    if engine.python_is_threaded:  # and hashing lets go of the interpreter's lock, so threads use every core
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            return list(threads.map(_digested, files))
    indexed = list(enumerate(files))
    sizes = [file.size_bytes + 4096 for file in files]
    parts = divide(indexed, sizes, task_count(sum(sizes), len(files)))
    rows = spread(engine, parts, _digest_one, "position bigint, digest string, is_growing boolean, failure string")
    table = rows.toArrow().sort_by("position").to_pylist()
    return [Digested(files[row["position"]], row["digest"], row["is_growing"], row["failure"]) for row in table]


def _digest_one(item: tuple[int, LandedFile]) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    position, file = item
    found = _digested(file)
    yield pa.RecordBatch.from_arrays(
        [
            pa.array([position], pa.int64()),
            pa.array([found.digest], pa.string()),
            pa.array([found.is_growing], pa.bool_()),
            pa.array([found.failure], pa.string()),
        ],
        names=["position", "digest", "is_growing", "failure"],
    )


def _digested(file: LandedFile) -> Digested:
    try:
        return Digested(file, hashlib.sha256(read_as_listed(file)).hexdigest())
    except FileChangedError:
        return Digested(file, None, is_growing=True)
    except OSError as error:
        return Digested(file, None, failure=f"{type(error).__name__}: {error.strerror or error}")
