"""Work is cut for the workers that there are: nothing is lost, and all of them end together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from pipelines.tables import spreading
from pipelines.tables.spreading import divide, divide_for

_MIB = 1024 * 1024


@dataclass
class _Workers:
    """As much of an engine as cutting looks at."""

    processes: Any


@pytest.fixture
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreading.os, "cpu_count", lambda: 2)


def _sizes(sizes: list[int], total: int | None = None, *, processes: bool = True) -> list[int]:
    engine: Any = _Workers("some" if processes else None)
    items = list(range(len(sizes)))
    runs = divide_for(engine, items, sizes, sum(sizes) if total is None else total)
    assert [item for run in runs for item in run] == items, "every item once, in order"
    assert all(runs)
    return [sum(sizes[item] for item in run) for run in runs]


@pytest.mark.usefixtures("two_cores")
def test_processes_get_large_runs_first_and_small_ones_at_the_end() -> None:
    runs = _sizes([2 * _MIB] * 200)
    assert len(runs) == 6
    assert sum(runs[:2]) > sum(runs[2:])
    assert runs[-1] == min(runs) < 0.05 * sum(runs)
    assert max(runs) <= 162 * _MIB


@pytest.mark.usefixtures("two_cores")
def test_no_run_of_a_large_batch_is_more_than_a_process_soon_does() -> None:
    assert max(_sizes([5 * _MIB] * 400)) <= 165 * _MIB


@pytest.mark.usefixtures("two_cores")
@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_few_large_files_are_shared(count: int) -> None:
    assert len(_sizes([200 * _MIB] * count)) == count


@pytest.mark.usefixtures("two_cores")
def test_workers_that_are_no_processes_get_equal_runs() -> None:
    assert _sizes([2 * _MIB] * 10, processes=False) == [10 * _MIB] * 2
    assert _sizes([2 * _MIB] * 64, processes=False) == [64 * _MIB] * 2
    # many files, of hardly any bytes, are not worth processes
    assert len(_sizes([2 * _MIB] * 100, total=100)) == 2


def test_equal_runs_are_as_many_as_asked_for_or_fewer() -> None:
    assert divide("abcdef", [1] * 6, 3) == [["a", "b"], ["c", "d"], ["e", "f"]]
    assert divide("abc", [1, 1, 10], 2) == [["a", "b"], ["c"]]
    assert divide("ab", [1, 1], 5) == [["a"], ["b"]]
    assert divide("", [], 4) == []
