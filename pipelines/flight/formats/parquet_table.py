"""A Parquet file's columns, with the caps looked at before anything is unpacked."""

from __future__ import annotations

import json

import polars as pl

from pipelines.flight.formats import limits
from pipelines.flight.formats.quarantine import QuarantineCode, QuarantineError

_MAGIC = b"PAR1"


def _refuse(code: QuarantineCode, name: str, problem: str, remedy: str) -> QuarantineError:
    return QuarantineError(code, f"{name} {problem}.", "Parquet footer", remedy)


def _opened(name: str, content: bytes):
    import pyarrow as pa
    import pyarrow.parquet as pq

    if len(content) < 12 or not content.endswith(_MAGIC):
        raise _refuse(
            QuarantineCode.TRUNCATED,
            name,
            "is a Parquet file without its end",
            "Wait until the upload is complete, or copy the file again.",
        )
    footer = int.from_bytes(content[-8:-4], "little")
    if footer > limits.MAX_PARQUET_FOOTER_BYTES:
        raise _refuse(
            QuarantineCode.TOO_MANY_COLUMNS,
            name,
            f"has a footer of {footer:,} bytes; a session's has at most {limits.MAX_PARQUET_FOOTER_BYTES:,}",
            "Export only the columns of the session.",
        )
    try:
        return pq.ParquetFile(pa.BufferReader(content))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _refuse(
            QuarantineCode.UNREADABLE,
            name,
            f"has a Parquet footer that cannot be read ({' '.join(str(error).split())[:200]})",
            "Write or copy the file again.",
        ) from error


def parquet_schema(name: str, content: bytes) -> tuple[list[str], dict[str, str]]:
    """Column names and text metadata of a Parquet file; raises `QuarantineError` beyond a cap or if damaged."""
    file = _opened(name, content)
    columns, rows = len(file.schema_arrow.names), file.metadata.num_rows
    if columns > limits.MAX_COLUMNS:
        raise _refuse(
            QuarantineCode.TOO_MANY_COLUMNS,
            name,
            f"has {columns:,} columns; a session has at most {limits.MAX_COLUMNS:,}",
            "Export only the columns of the session.",
        )
    if rows > limits.MAX_ROWS:
        raise _refuse(
            QuarantineCode.TOO_MANY_ROWS,
            name,
            f"has {rows:,} rows; a session has at most {limits.MAX_ROWS:,}",
            "Export the sessions one by one.",
        )
    groups = [file.metadata.row_group(index) for index in range(file.metadata.num_row_groups)]
    unpacked = sum(group.total_byte_size for group in groups)
    if unpacked > limits.MAX_PARQUET_UNPACKED_BYTES:
        raise _refuse(
            QuarantineCode.DECOMPRESSION_BOMB,
            name,
            f"unpacks to {unpacked:,} bytes; the cap is {limits.MAX_PARQUET_UNPACKED_BYTES:,}",
            "Upload only the session's columns, or check where this file comes from.",
        )
    metadata = {
        key.decode(errors="replace"): value.decode(errors="replace")
        for key, value in (file.schema_arrow.metadata or {}).items()
        if key != b"ARROW:schema" and len(value) < 10_000
    }
    # pandas keeps DataFrame.attrs in its own entry
    try:
        attributes = json.loads(metadata.pop("pandas", "{}")).get("attributes", {})
    except (json.JSONDecodeError, AttributeError):
        attributes = {}
    return list(file.schema_arrow.names), {**metadata, **{str(k): str(v) for k, v in attributes.items()}}


def read_parquet_columns(name: str, content: bytes, wanted: list[str]) -> pl.DataFrame:
    """The wanted columns with their own types; raises `QuarantineError` if a page is damaged."""
    import pyarrow as pa

    try:
        frame = pl.from_arrow(_opened(name, content).read(columns=wanted, use_threads=False))
    except (pa.ArrowException, OSError, ValueError, pl.exceptions.PolarsError) as error:
        raise QuarantineError(
            QuarantineCode.TRUNCATED,
            f"{name} has damaged Parquet pages ({' '.join(str(error).split())[:200]}).",
            "Parquet pages",
            "Write or copy the file again.",
        ) from error
    assert isinstance(frame, pl.DataFrame)
    return frame.select(wanted)
