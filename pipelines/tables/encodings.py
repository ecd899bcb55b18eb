"""How a file's columns are encoded: chosen by the values of its first rows, for what encoding takes and gives.

A dictionary pays for identifiers and for measurements of few steps (levers, accelerations, winds); differences pay for
counters and times; compressing pays unless the values are noise down to the last bit. Whatever is chosen, every reader
of Parquet gets the same values.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

_CHUNKS, _VALUES = 4, 512
"""A column is judged by so many values of each of so many of its pieces."""

_FEW_STEPS = 0.8
"""The share of different ones among those values up to which a dictionary pays: some thousand stand for a million."""

_STRETCH = 4096
"""So many neighbours are compressed for a trial."""

_RESTING = 0.75
"""The share of neighbours that are equal from which compressing leaves so little that a dictionary is in vain."""

_NOISE = 0.9
"""The share that is left of noise by compressing: it is not worth the time."""


@dataclass(frozen=True)
class Encodings:
    """As `pyarrow.parquet.ParquetWriter` takes them."""

    use_dictionary: list[str] = field(default_factory=list)
    column_encoding: dict[str, str] = field(default_factory=dict)
    compression: dict[str, str] = field(default_factory=dict)


def encodings_for(rows: pa.Table) -> Encodings:
    """The encodings for a file that begins with these rows."""
    import pyarrow as pa

    found = Encodings()
    for name, column in zip(rows.column_names, rows.columns, strict=True):
        found.compression[name] = "snappy"
        if pa.types.is_float64(column.type):
            _choose(found, name, column)
        elif pa.types.is_int64(column.type) or pa.types.is_timestamp(column.type):
            found.column_encoding[name] = "DELTA_BINARY_PACKED"
        else:
            found.use_dictionary.append(name)
    return found


def _choose(found: Encodings, name: str, column: pa.ChunkedArray) -> None:
    import numpy as np
    import pyarrow as pa

    step = max(1, column.num_chunks // _CHUNKS)
    chunks = [_known(column.chunk(number)) for number in range(0, column.num_chunks, step)]
    stretch = max(chunks, key=len)[:_STRETCH]
    if len(stretch) < _VALUES:
        return
    some = np.concatenate([values[:: max(1, len(values) // _VALUES)] for values in chunks])
    if len(np.unique(some)) <= _FEW_STEPS * len(some):
        if np.count_nonzero(stretch[1:] == stretch[:-1]) < _RESTING * len(stretch):
            found.use_dictionary.append(name)
    elif len(pa.compress(stretch.tobytes(), "snappy", asbytes=True)) > _NOISE * stretch.nbytes:
        found.compression[name] = "none"


def _known(values: pa.Array) -> NDArray[np.float64]:
    return (values.drop_null() if values.null_count else values).to_numpy()
