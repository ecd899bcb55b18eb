"""A validation in words, for the terminal's table and the pull request's."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.validation.comparison import MetricRow, Validation

_NEGLIGIBLE = 1e-9


def title(found: Validation) -> str:
    """Which versions stand beside each other, and how many sessions judged."""
    mine = f"version {found.version}" if found.version is not None else "not registered"
    main = f"main's version {found.main_version}" if found.main_version is not None else "main has none"
    counts = " and ".join(f"{number} {part}" for part, number in found.sessions.items())
    judged = f", on {counts} held-out sessions" if counts else ""
    return f"{found.model}: {mine} beside {main}{judged}"


def headers(found: Validation) -> tuple[str, ...]:
    """The columns of `cells`."""
    interval = f"{found.confidence:.0%} interval, same sessions"
    return ("metric", "this model", "main's", "instructor's rule", "bound", "difference (+ is better)", interval)


def cells(row: MetricRow) -> tuple[str, ...]:
    """One metric."""
    values = (_number(value) for value in (row.model, row.main, row.rule))
    return (row.metric, *values, _bound(row), _signed(row.gain), _interval(row))


def remarks(found: Validation) -> tuple[str, ...]:
    """What must be known beside the numbers, a sentence each; the verdict first."""
    loss = f"{found.worse_than_main}, so a release with main's model as champion would be stopped."
    return (
        f"{'Within bounds' if found.holds else 'Out of bounds'}: {found.verdict.removeprefix('all bounds hold: ')}",
        *((loss[0].upper() + loss[1:],) if found.worse_than_main else ()),
        *found.notes,
    )


def as_markdown(branch: str, validations: Sequence[Validation]) -> str:
    """The comment of a pull request."""
    parts = [f"## Models of `{branch.replace('`', '')}` beside main's"]
    for found in validations:
        table = [headers(found), ("---",) * len(headers(found)), *(cells(row) for row in found.rows)]
        state = "holds" if found.holds else "does not hold"
        parts.append(f"### {title(found)}: {state}")
        parts.append("\n".join(f"| {' | '.join(cells_of_line)} |" for cells_of_line in table))
        parts.append("\n".join(f"- {sentence}" for sentence in remarks(found)))
    return "\n\n".join(parts) + "\n"


def failure_as_markdown(branch: str, reason: str) -> str:
    """The comment where nothing could be compared."""
    return f"## Models of `{branch.replace('`', '')}` beside main's\n\nNot validated:\n\n````\n{reason.strip()}\n````\n"


def _number(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.3f}"


def _bound(row: MetricRow) -> str:
    if row.model is None:
        return f"{row.bound}, not measured"
    return f"{row.bound}, holds" if row.holds else f"{row.bound}, missed by {row.missed_by:.2g}"


def _signed(value: float | None) -> str:
    if value is None:
        return ""
    return "0" if abs(value) < _NEGLIGIBLE else f"{value:+.3f}"


def _interval(row: MetricRow) -> str:
    found = row.paired
    if found is None:
        return ""
    # Where the two were not judged by the same sessions, the difference is not that of the columns before.
    same = row.model is not None and row.main is not None
    same = same and abs(found.candidate - (row.model or 0)) + abs(found.champion - (row.main or 0)) < _NEGLIGIBLE
    values = "" if same else f": {found.candidate:.3f}, main's {found.champion:.3f}"
    return f"{_signed(found.lowest)} to {_signed(found.highest)} ({found.sessions} sessions{values})"
