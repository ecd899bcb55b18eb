"""Text or typed columns to floats, counting what was not a number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BLANKS = ("", "-", "--", "---", "----", "null", "NULL", "None", "N/A", "n/a", "NA")
_NOT_FINITE = r"(?i)^[+-]?(nan|inf|infinity|1\.#.*)(\(.*\))?$"


def as_numbers(
    frame: pl.DataFrame, columns: list[str], *, decimal_comma: bool = False
) -> dict[str, tuple[NDArray[np.float64], int]]:
    """For each column its values (NaN where there is no finite number) and how many cells were not a finite number.

    Blank cells and the usual marks for "no value" are missing, not bad; NaN, infinity and other text are bad.
    """
    expressions = []
    schema = frame.schema  # made anew by every look at it
    for column in columns:
        expression = pl.col(column)
        if schema[column] == pl.String:
            expression = expression.str.strip_chars()
            if decimal_comma:
                expression = expression.str.replace(",", ".", literal=True)
        if schema[column] != pl.Float64:
            expressions.append(expression.cast(pl.Float64, strict=False))
    parsed = frame.with_columns(expressions) if expressions else frame
    # All columns at once, one after another in memory: thirty small steps for each would take several times longer.
    block = parsed[columns].to_numpy(order="fortran", writable=True)
    is_finite = np.isfinite(block)
    partly = set(np.flatnonzero(~is_finite.all(axis=0)).tolist())
    result: dict[str, tuple[NDArray[np.float64], int]] = {}
    for position, column in enumerate(columns):
        values = block[:, position]
        bad = 0
        if position in partly:
            missing = ~is_finite[:, position]
            values[missing] = np.nan
            source = frame[column]
            if source.dtype == pl.String:
                doubtful = source.filter(pl.Series(missing)).str.strip_chars()
                bad = int((~doubtful.is_in(_BLANKS)).sum())
            else:
                bad = int(missing.sum()) - source.null_count()
        result[column] = (values, bad)
    return result
