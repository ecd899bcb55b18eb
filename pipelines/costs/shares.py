"""Amounts that sum to their whole, to the cent."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)
_MILLIONTHS_PER_CENT = 10_000


def in_cents(millionths: Mapping[Key, int]) -> dict[Key, int]:
    """Millionths of dollars as cents, whose sum is the whole's, rounded half to even.

    Each is rounded down or up. Those with the largest remainders are rounded up, of equal ones the first by key, so
    the same parts always give the same cents.

    Raises:
        ValueError: an amount is negative.
    """
    if any(amount < 0 for amount in millionths.values()):
        raise ValueError("a cost is negative: correct the rates, which must not be below 0")
    cents = {key: amount // _MILLIONTHS_PER_CENT for key, amount in millionths.items()}
    missing = whole_cents(sum(millionths.values())) - sum(cents.values())
    by_remainder = sorted(millionths, key=lambda key: (-(millionths[key] % _MILLIONTHS_PER_CENT), str(key)))
    for key in by_remainder[:missing]:
        cents[key] += 1
    return cents


def whole_cents(millionths: int) -> int:
    """Millionths of dollars as cents, half to even."""
    cents, rest = divmod(millionths, _MILLIONTHS_PER_CENT)
    half = _MILLIONTHS_PER_CENT // 2
    return cents + (rest > half or (rest == half and cents % 2 == 1))
