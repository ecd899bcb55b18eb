"""Altitude, speed and bank over time, coloured by maneuver, with a lane for each maneuver below.

Colour tells nothing alone: each maneuver has a lane with its name, approaches and upsets have their numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipelines.customers.review import traces
from pipelines.customers.review.frame import figures, frame, round_values
from pipelines.customers.review.svg import POINTS_PER_INCH, inline_svg
from pipelines.customers.review.words import channel, clock, number, plain
from pipelines.flight.maneuvers import MANEUVERS
from pipelines.training.pictures import COLORS, PANELS

if TYPE_CHECKING:
    import pandas
    from markupsafe import Markup
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

OTHER = "other"
"""Lane and colour of a maneuver that the taxonomy does not know."""

_INK, _RED, _GREEN, _GREY = "#222222", "#b3261e", "#1b6e3c", "#666666"
_TICK_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 14400, 28800)
_TITLES = ("Altitude, ft", "Speed, kt", "Bank, degrees, right positive")


@dataclass(frozen=True)
class Layout:
    """Sizes in pixels of the page."""

    name: str
    width: int
    left: int
    right: int
    panels: tuple[int, int, int]
    lane: int
    font: float
    ticks: int
    gap: int = 26


WIDE = Layout("wide", 1080, 92, 26, (200, 135, 115), 19, 11.5, 14)
NARROW = Layout("narrow", 340, 78, 18, (135, 100, 90), 17, 11, 5)
"""For phones: the same in the width of a small screen, because text that is scaled down cannot be read."""


def timeline(
    samples: pandas.DataFrame,
    segments: pandas.DataFrame,
    approaches: list[tuple[int, int, int, bool | None]],
    upsets: list[tuple[int, int, int]],
    layout: Layout,
) -> Markup:
    """The picture in one layout.

    Args:
        samples: the session's seconds in order, at least one.
        segments: maneuver, start_second and end_second.
        approaches: number, gate second, end second and whether it was stable.
        upsets: number, first and last second.
        layout: `WIDE` or `NARROW`.
    """
    known = segments.assign(maneuver=[name if name in COLORS else OTHER for name in segments["maneuver"]])
    present = [name for name in (*MANEUVERS, OTHER) if name in set(known["maneuver"])]
    lanes = [*(["upset"] if upsets else []), *present]
    figure, panels, lane_axes = _empty(layout, len(lanes))
    seconds = samples["second"].to_numpy(dtype=np.float64)
    first, last = float(seconds[0]), float(max(seconds[-1], seconds[0] + 1))
    ticks = _ticks(first, last, layout.ticks)
    spoken = []
    for index, (axes, (alternatives, _), title) in enumerate(zip(panels, PANELS, _TITLES, strict=True)):
        line = traces.line_of(samples, alternatives, buckets=layout.width)
        axes.set_xlim(first, last)
        _panel(axes, line, known, present)
        if index == 2:
            reach = max(50.0, *(abs(limit) for limit in axes.get_ylim()))
            axes.set_ylim(-reach, reach)
        up = [] if line is None else round_values(*axes.get_ylim(), 5)
        frame(axes, _with_source(title, line, alternatives), layout.font, ticks, up, up_labels=figures(up))
        spoken.append(_in_words(title, line))
    lane_axes.set_xlim(first, last)
    _lanes(lane_axes, lanes, known, upsets, layout)
    frame(
        lane_axes,
        "Maneuvers" if present else "Maneuvers: none told",
        layout.font,
        ticks,
        range(len(lanes)),
        [clock(tick, long=last >= 3600) for tick in ticks],
        [plain(name) for name in lanes],
        "time since the start of the recording",
    )
    scale = (layout.width - layout.left - layout.right) / (last - first)
    _marks(panels, approaches, upsets, scale, layout)
    text = (
        f"Over {clock(last - first)} of recording: {'; '.join(spoken)}. "
        "The maneuvers, approaches and upsets are in the tables of this page, with their times."
    )
    title = "Altitude, speed and bank over time, by maneuver"
    return inline_svg(figure, f"timeline-{layout.name}", title, text, f"timeline {layout.name}")


def _empty(layout: Layout, lanes: int) -> tuple[Figure, list[Axes], Axes]:
    from matplotlib.figure import Figure

    lanes_height = max(1, lanes) * layout.lane + 4
    height = sum(layout.panels) + lanes_height + (len(layout.panels) + 1) * layout.gap + 36
    figure = Figure(figsize=(layout.width / POINTS_PER_INCH, height / POINTS_PER_INCH), dpi=POINTS_PER_INCH)
    wide = (layout.width - layout.left - layout.right) / layout.width
    axes, top = [], height
    for panel in (*layout.panels, lanes_height):
        top -= layout.gap + panel
        axes.append(figure.add_axes((layout.left / layout.width, top / height, wide, panel / height)))
    return figure, axes[:-1], axes[-1]


def _panel(axes: Axes, line: traces.Line | None, segments: pandas.DataFrame, present: list[str]) -> None:
    if line is None:
        axes.text(0.5, 0.5, "not recorded", transform=axes.transAxes, ha="center", va="center", fontsize=12)
        return
    names = traces.maneuver_of(line.seconds, segments)
    for name in present:
        color = COLORS.get(name, _GREY)
        axes.plot(
            line.seconds, traces.only(name, names, line.values), color=color, linewidth=3.6, solid_capstyle="butt"
        )
    # The thin dark line is what is read; its contrast does not depend on the colour behind it.
    axes.plot(line.seconds, line.values, color=_INK, linewidth=0.8)


def _lanes(
    axes: Axes, lanes: list[str], segments: pandas.DataFrame, upsets: list[tuple[int, int, int]], layout: Layout
) -> None:
    axes.set_ylim(max(len(lanes), 1) - 0.5, -0.5)
    thick = layout.lane * 0.6
    for lane, name in enumerate(lanes):
        if name == "upset":
            middles = [(start + end) / 2 for _, start, end in upsets]
            axes.plot(middles, [lane] * len(upsets), "v", color=_RED, markersize=layout.lane * 0.45)
            continue
        mine = segments[segments["maneuver"] == name]
        spans = list(zip(mine["start_second"], mine["end_second"] + 1, strict=True))
        _bars(axes, lane, spans, COLORS.get(name, _GREY), thick)


def _bars(axes: Axes, lane: int, spans: list[tuple[int, int]], color: str, thick: float) -> None:
    """All bars of a lane as one broken line: hundreds of shapes would be slow and large."""
    ends = np.array([value for start, end in spans for value in (start, end, np.nan)], dtype=np.float64)
    axes.plot(ends, np.full(len(ends), lane), color=color, linewidth=thick, solid_capstyle="butt")


def _marks(
    panels: list[Axes],
    approaches: list[tuple[int, int, int, bool | None]],
    upsets: list[tuple[int, int, int]],
    scale: float,
    layout: Layout,
) -> None:
    altitude, speed, bank = panels
    written = -1e9
    for count, gate, end, stable in approaches:
        color, style = (_GREY, ":") if stable is None else (_GREEN, "-") if stable else (_RED, "--")
        altitude.axvspan(gate, end, facecolor=color, alpha=0.14, edgecolor="none")
        altitude.axvline(end, color=color, linewidth=1.0, linestyle=style)
        sign = "?" if stable is None else "✓" if stable else "✗"
        if (end - written) * scale >= 26:
            _label(altitude, end, f"A{count}{sign}", color, layout)
            written = end
    written = -1e9
    for count, start, end in upsets:
        for axes in (altitude, speed, bank):
            axes.axvspan(start, end + 1, facecolor=_RED, alpha=0.22, edgecolor="none")
        bank.axvline((start + end) / 2, color=_RED, linewidth=0.9, linestyle="--")
        if (start - written) * scale >= 22:
            _label(bank, (start + end) / 2, f"U{count}", _RED, layout)
            written = start


def _label(axes: Axes, second: float, text: str, color: str, layout: Layout) -> None:
    axes.annotate(
        text, (second, 1.0), xycoords=("data", "axes fraction"), xytext=(0, -1), textcoords="offset points",
        ha="center", va="top", fontsize=layout.font - 1.5, color=color, weight="bold", annotation_clip=False,
    )  # fmt: skip


def _ticks(first: float, last: float, most: int) -> list[float]:
    step = next((step for step in _TICK_STEPS_S if (last - first) / step <= most), 86400)
    return [float(tick) for tick in np.arange(np.ceil(first / step) * step, last + 0.001, step)]


def _with_source(title: str, line: traces.Line | None, alternatives: tuple[str, ...]) -> str:
    if line is None or line.channel == alternatives[0]:
        return title
    return f"{title} ({channel(line.channel)})"


def _in_words(title: str, line: traces.Line | None) -> str:
    name, _, unit = title.lower().partition(", ")
    unit = unit.split(",")[0]
    if line is None:
        return f"{name} was not recorded"
    return f"{name} from {number(np.nanmin(line.values))} to {number(np.nanmax(line.values))} {unit}"
