"""The ground track in nautical miles from where the session began, coloured by maneuver."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.customers.review import traces
from pipelines.customers.review.frame import figures, frame, round_values
from pipelines.customers.review.svg import POINTS_PER_INCH, inline_svg
from pipelines.customers.review.words import number, several
from pipelines.flight.maneuvers import MANEUVERS
from pipelines.training.pictures import COLORS

if TYPE_CHECKING:
    import pandas
    from markupsafe import Markup
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

_WIDTH, _HEIGHT, _SIDE, _FONT = 360, 360, 296, 11.0
_MOST_POINTS = 2500
_LEAST_SPAN_NM = 0.05
_INK, _RED = "#222222", "#b3261e"


def ground_track(
    samples: pandas.DataFrame,
    segments: pandas.DataFrame,
    touchdowns: list[tuple[int, int]],
    upsets: list[tuple[int, int]],
) -> Markup | None:
    """The picture, north up; None where fewer than two positions were recorded.

    Args:
        samples: the session's seconds in order.
        segments: maneuver, start_second and end_second.
        touchdowns: number and end second of each approach.
        upsets: number and first second of each upset.
    """
    path = _path(samples)
    if path is None:
        return None
    from matplotlib.figure import Figure

    seconds, east, north = path
    figure = Figure(figsize=(_WIDTH / POINTS_PER_INCH, _HEIGHT / POINTS_PER_INCH), dpi=POINTS_PER_INCH)
    axes = figure.add_axes((50 / _WIDTH, 42 / _HEIGHT, _SIDE / _WIDTH, _SIDE / _HEIGHT))
    names = traces.maneuver_of(seconds, segments)
    for name in (name for name in MANEUVERS if name in set(segments["maneuver"])):
        axes.plot(
            traces.only(name, names, east), traces.only(name, names, north),
            color=COLORS[name], linewidth=3.6, solid_capstyle="butt",
        )  # fmt: skip
    axes.plot(east, north, color=_INK, linewidth=0.8)
    for number_, second in touchdowns:
        _marked(axes, path, second, "o", _INK, f"A{number_}")
    for number_, second in upsets:
        _marked(axes, path, second, "v", _RED, f"U{number_}")
    known = np.flatnonzero(~np.isnan(east))
    for index, word in ((known[0], "start"), (known[-1], "end")):
        axes.plot(east[index], north[index], "s", color=_INK, markersize=5)
        _label(axes, east[index], north[index], word, _INK, above=False, left=word == "start")
    half = max(np.nanmax(east) - np.nanmin(east), np.nanmax(north) - np.nanmin(north), _LEAST_SPAN_NM) * 0.54
    for middle, limit in ((east, axes.set_xlim), (north, axes.set_ylim)):
        centre = (np.nanmax(middle) + np.nanmin(middle)) / 2
        limit(centre - half, centre + half)
    across, up = (round_values(*limits, 5) for limits in (axes.get_xlim(), axes.get_ylim()))
    title = "Nautical miles from the start: north is up"
    frame(axes, title, _FONT, across, up, figures(across), figures(up), "nautical miles east of the start")
    reach = float(np.nanmax(np.hypot(east, north)))
    text = (
        f"The flight stayed within {number(reach, 1)} nautical miles of where the recording has its first position. "
        f"Marked are {several(len(touchdowns), 'end')} of approaches and {several(len(upsets), 'upset')}; their times "
        "are in the tables of this page."
    )
    return inline_svg(figure, "track", "Ground track, north up, by maneuver", text, "track")


def _path(samples: pandas.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]] | None:
    if "latitude_deg" not in samples or "longitude_deg" not in samples:
        return None
    every = max(1, -(-len(samples) // _MOST_POINTS))
    thin = samples.iloc[::every]
    latitude = thin["latitude_deg"].to_numpy(dtype=np.float64, na_value=np.nan)
    longitude = thin["longitude_deg"].to_numpy(dtype=np.float64, na_value=np.nan)
    known = np.flatnonzero(np.isfinite(latitude) & np.isfinite(longitude))
    if len(known) < 2:
        return None
    first = known[0]
    north = 60.0 * (latitude - latitude[first])
    # Across the 180th meridian the difference is the small one.
    turned = (longitude - longitude[first] + 180.0) % 360.0 - 180.0
    east = 60.0 * turned * np.cos(np.radians(latitude[first]))
    return thin["second"].to_numpy(dtype=np.float64), east, north


def _marked(axes: Axes, path: tuple[NDArray[np.float64], ...], second: int, marker: str, color: str, text: str) -> None:
    seconds, east, north = path
    index = min(int(np.searchsorted(seconds, second)), len(seconds) - 1)
    if np.isnan(east[index]):
        return
    axes.plot(east[index], north[index], marker, color=color, markersize=5)
    _label(axes, east[index], north[index], text, color, above=True)


def _label(axes: Axes, east: Any, north: Any, text: str, color: str, above: bool, left: bool = False) -> None:
    axes.annotate(
        text, (east, north), xytext=(-5 if left else 5, 4 if above else -4), textcoords="offset points",
        ha="right" if left else "left", va="bottom" if above else "top",
        fontsize=_FONT - 1.0, color=color, weight="bold",
    )  # fmt: skip
