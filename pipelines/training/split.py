"""Which sessions teach a model and which judge it: split by whole sessions, one aircraft type kept away."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable

TRAIN = "train"
VALIDATION = "validation"
KNOWN = "known"
UNSEEN = "unseen"

_SHARES = ((TRAIN, 65), (VALIDATION, 10), (KNOWN, 25))


class NotEnoughSessionsError(ValueError):
    """The labelled sessions do not fill the parts of the split that training and judging need."""


def split_of(session_id: str, aircraft_type: str | None, unseen_aircraft_type: str) -> str:
    """The part that a session belongs to: train, validation, known (test) or unseen (test).

    It depends on the session alone, so a session never changes sides when others arrive, and a new
    version is judged by sessions that no earlier version has learned from.
    """
    if aircraft_type == unseen_aircraft_type:
        return UNSEEN
    digest = hashlib.sha256(f"split|{session_id}".encode()).digest()
    position = int.from_bytes(digest[:8], "big") % 100
    for part, share in _SHARES:
        if position < share:
            return part
        position -= share
    raise AssertionError("the shares of the split add up to 100")


def require_enough(parts: Iterable[str], unseen_aircraft_type: str) -> Counter[str]:
    """Sessions per part.

    Raises:
        NotEnoughSessionsError: nothing to learn from, or nothing to judge by on known types.
    """
    counts = Counter(parts)
    lacking = [part for part in (TRAIN, KNOWN) if not counts[part]]
    if lacking:
        found = ", ".join(f"{part} {counts[part]}" for part in (TRAIN, VALIDATION, KNOWN, UNSEEN))
        raise NotEnoughSessionsError(
            f"no labelled session falls into {' and '.join(lacking)} (found: {found}; the part follows from the "
            f"session's id, type {unseen_aircraft_type} is kept unseen). Label or simulate more sessions: about 20 do."
        )
    return counts
