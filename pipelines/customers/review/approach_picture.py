"""One approach from the gate on: speed, sink rate and bank over the seconds, each against what is allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipelines.customers.review.frame import figures, frame, round_values
from pipelines.customers.review.svg import POINTS_PER_INCH, inline_svg
from pipelines.customers.review.traces import bridged
from pipelines.customers.review.words import number
from pipelines.flight.approach_measures import UNITS, Measure

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.axes import Axes

TITLES = {"speed": "Airspeed, kt", "sink": "Sink rate, ft/min", "bank": "Bank, deg"}
_WIDTH, _HEIGHT, _FONT = 340, 292, 11.0
_ROOM = {"speed": 8.0, "sink": 150.0, "bank": 4.0}
_ALLOWED, _LIMIT, _INK, _RED = "#dcefe0", "#2e6b3f", "#222222", "#b3261e"


def approach_picture(count: int, end_second: int, flown: list[Measure]) -> Markup:
    """The picture of approach number `count`, which ends at `end_second`."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH / POINTS_PER_INCH, _HEIGHT / POINTS_PER_INCH), dpi=POINTS_PER_INCH)
    for row, measure in enumerate(flown):
        axes = figure.add_axes((0.145, 1 - (82 + 84 * row) / _HEIGHT, 0.835, 62 / _HEIGHT))
        _panel(axes, measure, measure.second - end_second, is_last=row == len(flown) - 1)
    text = "; ".join(_in_words(measure) for measure in flown)
    title = f"Approach {count} from 500 ft above the field on, against the limits"
    return inline_svg(figure, f"approach-{count}", title, f"{text}.", "approach")


def _panel(axes: Axes, measure: Measure, seconds: np.ndarray, is_last: bool) -> None:
    name, flown = measure.criterion, measure.flown
    axes.set_xlim(float(seconds[0]), float(max(seconds[-1], seconds[0] + 1)))
    shown = [values[~np.isnan(values)] for values in (flown, measure.lower, measure.upper)]
    known = np.concatenate(shown) if any(len(values) for values in shown) else np.zeros(1)
    low = 0.0 if name != "speed" else float(known.min()) - _ROOM[name]
    low = min(low, float(known.min()))
    high = float(known.max()) + _ROOM[name]
    axes.set_ylim(low, high)
    across, up = round_values(*axes.get_xlim(), 6), round_values(low, high, 4)
    below, labels = ("seconds to the end of the approach", figures(across)) if is_last else ("", [])
    frame(axes, TITLES[name], _FONT, across, up, labels, figures(up), below)
    if not np.isnan(measure.upper).all():
        floor = np.where(np.isnan(measure.lower), low, measure.lower)
        axes.fill_between(seconds, floor, measure.upper, facecolor=_ALLOWED, edgecolor="none")
        for limit in (measure.lower, measure.upper):
            if not np.isnan(limit).all():
                axes.plot(seconds, limit, color=_LIMIT, linewidth=0.9, linestyle="--", drawstyle="steps-post")
    if np.isnan(flown).all():
        axes.text(0.5, 0.5, "not recorded", transform=axes.transAxes, ha="center", va="center", fontsize=_FONT)
        return
    at, drawn = bridged(seconds.astype(np.float64), flown)
    axes.plot(at, drawn, color=_INK, linewidth=1.2)
    upper, lower = (np.interp(at, seconds, limit) for limit in (measure.upper, measure.lower))
    outside = (drawn > upper) | (drawn < lower)
    if outside.any():
        # Thicker as well as red, so that it shows without colour.
        beyond = outside.copy()
        beyond[1:] |= outside[:-1]
        axes.plot(at, np.where(beyond, drawn, np.nan), color=_RED, linewidth=3.0, solid_capstyle="butt")


def _in_words(measure: Measure) -> str:
    name = TITLES[measure.criterion].partition(",")[0].lower()
    if np.isnan(measure.flown).all():
        return f"{name} is not known"
    unit = UNITS[measure.criterion]
    low, high = np.nanmin(measure.flown), np.nanmax(measure.flown)
    return f"{name} from {number(low)} to {number(high)} {unit}, {measure.outside_s} seconds outside the limits"
