"""A session on one page: altitude, speed and bank over time, coloured by maneuver.

Drawn for an instructor who looks from the picture to the criteria: the bank panel shows the steep
turn's 45 degrees with its tolerance, and approaches and upsets are marked where a model found them.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipelines.flight.maneuvers import MANEUVERS, Maneuver

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS: dict[str, str] = {
    Maneuver.GROUND: "#9a9a9a",
    Maneuver.TAKEOFF: "#1b7837",
    Maneuver.CLIMB: "#66c2a5",
    Maneuver.CRUISE: "#80b1d3",
    Maneuver.TURN: "#fdb462",
    Maneuver.STEEP_TURN: "#d95f02",
    Maneuver.SLOW_FLIGHT: "#bc80bd",
    Maneuver.STALL: "#c51b1b",
    Maneuver.DESCENT: "#b3a45f",
    Maneuver.APPROACH: "#3b6fb6",
    Maneuver.LANDING: "#0b2f6b",
    Maneuver.GO_AROUND: "#e7298a",
}
"""One colour per maneuver, the same in every picture."""

_STEEP_BANK_DEG, _STEEP_TOLERANCE_DEG = 45.0, 5.0
PANELS = (
    (("altitude_msl_ft", "altitude_indicated_ft", "altitude_agl_ft"), "altitude, ft"),
    (("indicated_airspeed_kt", "true_airspeed_kt", "ground_speed_kt"), "speed, kt"),
    (("roll_deg",), "bank, deg"),
)
"""Panels of a session's picture: the channels to draw, the best one first, and what they are called."""


def session_picture(
    samples: pd.DataFrame,
    segments: pd.DataFrame,
    approaches: pd.DataFrame | None = None,
    upsets: pd.DataFrame | None = None,
    title: str = "",
) -> Figure:
    """The picture of one session.

    Args:
        samples: gold seconds of the session, ordered by second.
        segments: maneuver, start_second, end_second (inclusive) of labelled or predicted segments.
        approaches: start_second, end_second and is_stable (or null) to mark below the altitude.
        upsets: start_second and end_second to mark on the bank panel.
        title: shown on top.
    """
    from matplotlib.figure import Figure

    minutes = samples["second"].to_numpy(dtype=float) / 60.0
    figure = Figure(figsize=(14, 7.5), layout="constrained")
    panels = figure.subplots(len(PANELS), 1, sharex=True, height_ratios=(3, 2, 2))
    for axes, (alternatives, label) in zip(panels, PANELS, strict=True):
        recorded = recorded_channels(samples, alternatives)
        axes.set_ylabel(label)
        axes.grid(True, color="#dddddd", linewidth=0.6)
        axes.set_axisbelow(True)
        if not recorded:
            axes.text(0.5, 0.5, "not recorded", transform=axes.transAxes, ha="center", va="center", color="#888888")
            continue
        if recorded[0] != alternatives[0]:
            axes.set_ylabel(f"{label}\n({recorded[0].rsplit('_', 1)[0].replace('_', ' ')})")
        _coloured_line(
            axes, minutes, samples[recorded[0]].to_numpy(dtype=float), samples["second"].to_numpy(), segments
        )
    altitude, _, bank = panels
    for bank_deg in (_STEEP_BANK_DEG, -_STEEP_BANK_DEG):
        bank.axhspan(
            bank_deg - _STEEP_TOLERANCE_DEG, bank_deg + _STEEP_TOLERANCE_DEG, color="#d95f02", alpha=0.10, linewidth=0
        )
    bank.set_ylim(*_bank_limits(samples))
    _mark_approaches(altitude, approaches)
    _mark_upsets(bank, upsets)
    bank.set_xlabel("minutes since the start of the recording")
    if len(minutes):
        bank.set_xlim(float(minutes[0]), float(minutes[-1]))
    _legend(figure, segments)
    if title:
        figure.suptitle(title, x=0.01, ha="left")
    return figure


def recorded_channels(samples: pd.DataFrame, alternatives: Sequence[str]) -> list[str]:
    """Those of the channels that are known for more than a tenth of the seconds, in the order given."""
    return [name for name in alternatives if name in samples and samples[name].notna().mean() > 0.1]


def png_of(figure: Figure, dots_per_inch: int = 80) -> bytes:
    """The figure as PNG, small enough to show inside metadata."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dots_per_inch)
    return buffer.getvalue()


def _coloured_line(
    axes: Axes, minutes: np.ndarray, values: np.ndarray, seconds: np.ndarray, segments: pd.DataFrame
) -> None:
    axes.plot(minutes, values, color="#cccccc", linewidth=0.8, zorder=1)
    for row in segments.to_dict("records"):
        inside = (seconds >= row["start_second"]) & (seconds <= row["end_second"] + 1)
        axes.plot(minutes[inside], values[inside], color=COLORS[row["maneuver"]], linewidth=1.6, zorder=2)


def _bank_limits(samples: pd.DataFrame) -> tuple[float, float]:
    largest = float(samples["roll_deg"].abs().max()) if "roll_deg" in samples else float("nan")
    limit = max(55.0, min(180.0, largest + 5.0)) if largest == largest else 55.0
    return -limit, limit


def _mark_approaches(axes: Axes, approaches: pd.DataFrame | None) -> None:
    for row in [] if approaches is None else approaches.to_dict("records"):
        stable = row.get("is_stable")
        unknown = stable is None or stable != stable
        color, word = ("#777777", "?") if unknown else ("#1b7837", "stable") if stable else ("#c51b1b", "unstable")
        start, end = row["start_second"] / 60.0, row["end_second"] / 60.0
        axes.axvspan(start, end, color=color, alpha=0.12, linewidth=0)
        axes.annotate(
            word, ((start + end) / 2, 0.98), xycoords=("data", "axes fraction"), ha="center", va="top",
            rotation=90, fontsize=7, color=color,
        )  # fmt: skip


def _mark_upsets(axes: Axes, upsets: pd.DataFrame | None) -> None:
    for row in [] if upsets is None else upsets.to_dict("records"):
        axes.axvspan(row["start_second"] / 60.0, row["end_second"] / 60.0, color="#c51b1b", alpha=0.25, linewidth=0)


def _legend(figure: Figure, segments: pd.DataFrame) -> None:
    from matplotlib.lines import Line2D

    present = [maneuver for maneuver in MANEUVERS if maneuver in set(segments["maneuver"])]
    handles = [Line2D([], [], color=COLORS[name], linewidth=4, label=name.replace("_", " ")) for name in present]
    if handles:
        figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), fontsize=8, frameon=False)
