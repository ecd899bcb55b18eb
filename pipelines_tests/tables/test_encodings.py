"""Columns are encoded by what their values are like, and read back as they were."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from pipelines.tables.encodings import encodings_for

_ROWS = 20_000


def _columns() -> dict[str, pa.Array]:
    random = np.random.default_rng(5)
    start = int(datetime(2026, 11, 20, tzinfo=UTC).timestamp() * 1e6)
    sparse = random.normal(size=_ROWS)
    return {
        "id": pa.array([f"session {number // 5000}" for number in range(_ROWS)]),
        "number": pa.array(np.arange(_ROWS)),
        "moment": pa.array(start + 100_000 * np.arange(_ROWS), pa.timestamp("us", "UTC")),
        "noise": pa.array(random.normal(size=_ROWS)),
        "lever": pa.array(np.round(random.uniform(size=_ROWS), 2)),
        "resting": pa.array(np.repeat(np.round(random.uniform(size=_ROWS // 50), 1), 50)),
        "smooth": pa.array(np.repeat(random.uniform(size=_ROWS // 2), 2)),
        "sparse": pa.array(sparse, mask=sparse < 0),
        "absent": pa.nulls(_ROWS, pa.float64()),
        "few": pa.array([1.5, *[None] * (_ROWS - 1)], pa.float64()),
    }


@pytest.fixture(scope="module")
def rows() -> pa.Table:
    """In several pieces, as sessions are written."""
    batch = pa.RecordBatch.from_pydict(_columns())
    return pa.Table.from_batches([batch.slice(start, 4000) for start in range(0, _ROWS, 4000)])


def test_encoding_follows_the_values(rows: pa.Table) -> None:
    found = encodings_for(rows)
    assert found.use_dictionary == ["id", "lever"]
    assert found.column_encoding == dict.fromkeys(["number", "moment"], "DELTA_BINARY_PACKED")
    assert [name for name, codec in found.compression.items() if codec == "none"] == ["noise", "sparse"]
    assert set(found.compression) == set(rows.column_names)


def test_values_are_read_back_as_they_were_and_take_less_room(rows: pa.Table, tmp_path: Path) -> None:
    parquet.write_table(rows, tmp_path / "chosen", **vars(encodings_for(rows)))
    assert parquet.read_table(tmp_path / "chosen").equals(rows)
    parquet.write_table(rows, tmp_path / "plain", compression="snappy", use_dictionary=False)
    assert (tmp_path / "chosen").stat().st_size < 0.8 * (tmp_path / "plain").stat().st_size


def test_a_file_of_hardly_any_rows_can_be_written(rows: pa.Table, tmp_path: Path) -> None:
    for count in (0, 1, 3):
        some = rows.slice(0, count)
        parquet.write_table(some, tmp_path / "few", **vars(encodings_for(some)))
        assert parquet.read_table(tmp_path / "few").equals(some)
