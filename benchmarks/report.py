"""What a benchmark found, and RESULTS.md, which keeps the newest section of each."""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.machine import machine_description

RESULTS = Path(__file__).parent / "RESULTS.md"
_INTRODUCTION = """# Speed

Written by `make bench`; `.venv/bin/python -m benchmarks NAME` measures one section anew. Times are medians over
the stated number of runs, each side of a ratio measured in turns within the same run. Nothing here is a timed test.
"""


@dataclass(frozen=True)
class Target:
    """A figure that was promised, and what came of it."""

    sentence: str
    measured: str
    is_met: bool


@dataclass
class Section:
    """One benchmark's results."""

    name: str
    title: str
    how: str
    targets: list[Target] = field(default_factory=list)
    tables: list[tuple[str, Sequence[str], Sequence[Sequence[object]]]] = field(default_factory=list)
    """Caption, column names, rows."""
    remarks: list[str] = field(default_factory=list)

    def text(self) -> str:
        lines = [f"## {self.title}", "", self.how, ""]
        lines += [
            f"- {'met' if one.is_met else '**missed**'}: {one.sentence}: **{one.measured}**" for one in self.targets
        ]
        for caption, columns, rows in self.tables:
            lines += ["", caption, "", _row(columns), _row(["---"] * len(columns)), *(_row(row) for row in rows)]
        lines += ["", *(f"{remark}\n" for remark in self.remarks)]
        now = datetime.now(UTC)
        lines += [f"_Measured {now:%Y-%m-%d %H:%M} UTC on {machine_description()}._"]
        return "\n".join(lines)


def in_turns(runs: int, *sides: Callable[[], float]) -> list[list[float]]:
    """Seconds of each side, run in turns so that a change of the machine's mood meets all of them."""
    seconds: list[list[float]] = [[] for _ in sides]
    for _ in range(runs):
        for side, measured in zip(sides, seconds, strict=True):
            measured.append(side())
    return seconds


def spread(seconds: Iterable[float]) -> str:
    """Median with smallest and largest."""
    values = sorted(seconds)
    return f"{statistics.median(values):.2f} s ({values[0]:.2f} to {values[-1]:.2f})"


def write(section: Section) -> None:
    """Put the section into RESULTS.md in place of the older one of the same name; others stay."""
    sections = _sections(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    sections[section.name] = section.text()
    body = "\n\n".join(f"<!-- {name} -->\n{text}" for name, text in sorted(sections.items()))
    RESULTS.write_text(f"{_INTRODUCTION}\n{body}\n", encoding="utf-8")


def _sections(text: str) -> dict[str, str]:
    parts = re.split(r"^<!-- (\w+) -->\n", text, flags=re.MULTILINE)[1:]
    return {name: body.strip() for name, body in zip(parts[::2], parts[1::2], strict=True)}


def _row(cells: Sequence[object]) -> str:
    return f"| {' | '.join(str(cell) for cell in cells)} |"
