"""The split by sessions."""

from __future__ import annotations

from collections import Counter

import pytest

from pipelines.training.split import KNOWN, TRAIN, UNSEEN, VALIDATION, NotEnoughSessionsError, require_enough, split_of


def test_the_unseen_type_never_teaches() -> None:
    assert {split_of(f"{number:016x}", "c182", "c182") for number in range(200)} == {UNSEEN}


def test_a_session_keeps_its_part_whoever_else_is_there() -> None:
    assert split_of("0123456789abcdef", "c172p", "c182") == split_of("0123456789abcdef", None, "c182")
    counts = Counter(split_of(f"{number:016x}", "c172p", "c182") for number in range(4000))
    assert counts[UNSEEN] == 0
    assert counts[TRAIN] / 4000 == pytest.approx(0.65, abs=0.03)
    assert counts[VALIDATION] / 4000 == pytest.approx(0.10, abs=0.02)
    assert counts[KNOWN] / 4000 == pytest.approx(0.25, abs=0.03)


def test_too_few_sessions_are_told_with_what_there_is() -> None:
    assert require_enough([TRAIN, TRAIN, KNOWN], "c182") == Counter({TRAIN: 2, KNOWN: 1})
    with pytest.raises(
        NotEnoughSessionsError, match=r"falls into known \(found: train 2, validation 1, known 0, unseen 1"
    ):
        require_enough([TRAIN, TRAIN, VALIDATION, UNSEEN], "c182")
