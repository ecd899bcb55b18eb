"""The frame of a panel: title, grid and labels.

Drawn as one line and a few texts. Matplotlib's own axis makes some ten objects a tick, which is most of the time that
a page's pictures take.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from pipelines.customers.review.words import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GRID, INK = "#dddddd", "#222222"


def round_values(low: float, high: float, most: int) -> list[float]:
    """Round values within the limits to label, at most about `most`."""
    from matplotlib.ticker import MaxNLocator

    reach = (high - low) * 1e-9
    return [float(value) for value in MaxNLocator(most).tick_values(low, high) if low - reach <= value <= high + reach]


def figures(values: Sequence[float]) -> list[str]:
    """Labels of round values, with as many decimals as their steps need."""
    step = min((b - a for a, b in pairwise(values)), default=1.0)
    digits = max(0, -int(np.floor(np.log10(step) + 1e-9))) if step > 0 else 0
    return [number(value, digits).replace("-", "−") for value in values]


def frame(
    axes: Axes,
    title: str,
    font: float,
    across: Sequence[float],
    up: Sequence[float],
    across_labels: Sequence[str] = (),
    up_labels: Sequence[str] = (),
    below: str = "",
) -> None:
    """Frame a panel whose limits are set; lengths in pixels, `across` and `up` where the grid's lines are.

    Args:
        axes: the panel.
        title: above it, at its left.
        font: size of its texts.
        across: values along the bottom.
        up: values along the left.
        across_labels: their labels; none for a panel that shares them with one below.
        up_labels: their labels.
        below: what the bottom's labels mean.
    """
    axes.set_axis_off()
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    nothing = float("nan")
    xs = [value for at in across for value in (at, at, nothing)] + [left, right, nothing] * len(up)
    ys = [bottom, top, nothing] * len(across) + [value for at in up for value in (at, at, nothing)]
    axes.plot(xs, ys, color=GRID, linewidth=0.7, zorder=0.5, scalex=False, scaley=False)
    edge_x, edge_y = [left, left, right], [top, bottom, bottom]
    axes.plot(edge_x, edge_y, color="#777777", linewidth=0.8, zorder=0.6, scalex=False, scaley=False, clip_on=False)
    _texts(axes, [(title, 0.0, 1.0)], (0, 5), font, "left", "bottom", axes.transAxes)
    _texts(
        axes, _places(across_labels, across, across=True), (0, -4), font, "center", "top", axes.get_xaxis_transform()
    )
    _texts(axes, _places(up_labels, up, across=False), (-5, 0), font, "right", "center", axes.get_yaxis_transform())
    if below:
        _texts(axes, [(below, 0.5, 0.0)], (0, -font - 9), font, "center", "top", axes.transAxes)


def _places(labels: Sequence[str], values: Sequence[float], across: bool) -> list[tuple[str, float, float]]:
    pairs = zip(labels, values, strict=True) if labels else ()
    return [(label, value, 0.0) if across else (label, 0.0, value) for label, value in pairs]


def _texts(
    axes: Axes,
    texts: Sequence[tuple[str, float, float]],
    pixels: tuple[float, float],
    font: float,
    horizontal: str,
    vertical: str,
    transform: object,
) -> None:
    from matplotlib.transforms import ScaledTranslation

    moved = transform + ScaledTranslation(pixels[0] / 72, pixels[1] / 72, axes.figure.dpi_scale_trans)  # type: ignore[operator]
    for text, x, y in texts:
        axes.text(x, y, text, transform=moved, fontsize=font, color=INK, ha=horizontal, va=vertical, clip_on=False)
