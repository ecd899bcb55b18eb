"""Content digests of landed files: two files of the same bytes are the same session."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
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
    """The SHA-256 of every file, in the order given, read by Spark's workers."""
    if not files:
        return []
    indexed = list(enumerate(files))
    sizes = [file.size_bytes + 4096 for file in files]
    parts = divide(indexed, sizes, task_count(sum(sizes), len(files)))
    rows = spread(engine, parts, _digest_one, "position bigint, digest string, is_growing boolean, failure string")
    table = rows.toArrow().sort_by("position").to_pylist()
    return [Digested(files[row["position"]], row["digest"], row["is_growing"], row["failure"]) for row in table]


def _digest_one(item: tuple[int, LandedFile]) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    position, file = item
    digest = failure = None
    is_growing = False
    try:
        digest = hashlib.sha256(read_as_listed(file)).hexdigest()
    except FileChangedError:
        is_growing = True
    except OSError as error:
        failure = f"{type(error).__name__}: {error.strerror or error}"
    yield pa.RecordBatch.from_arrays(
        [
            pa.array([position], pa.int64()),
            pa.array([digest], pa.string()),
            pa.array([is_growing], pa.bool_()),
            pa.array([failure], pa.string()),
        ],
        names=["position", "digest", "is_growing", "failure"],
    )
