"""The costs of months as a picture: a bar a month, its parts by purpose."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pipelines.costs.purpose import PURPOSES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLORS = ("#80b1d3", "#3b6fb6", "#d95f02", "#1b7837", "#9a9a9a")
_HATCHES = ("", "//", "..", "\\\\", "xx")
MOST_MONTHS = 12


def cost_picture(rows: Iterable[Mapping[str, Any]]) -> Figure:
    """The newest months among rows of `cost_report`; parts are told by colour and by hatching."""
    from matplotlib.figure import Figure

    by_month: dict[str, dict[str, float]] = {}
    for row in rows:
        month = by_month.setdefault(row["month"].strftime("%Y-%m"), {})
        month[row["purpose"]] = month.get(row["purpose"], 0.0) + row["cost_usd"]
    months = sorted(by_month)[-MOST_MONTHS:]
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    axes = figure.subplots()
    below = [0.0] * len(months)
    for purpose, color, hatch in zip(PURPOSES, _COLORS, _HATCHES, strict=True):
        parts = [by_month[month].get(purpose, 0.0) for month in months]
        if any(parts):
            label = f"{purpose.replace('_', ' ')}: {parts[-1]:,.2f} USD"
            axes.bar(months, parts, bottom=below, color=color, hatch=hatch, edgecolor="white", width=0.6, label=label)
        below = [low + part for low, part in zip(below, parts, strict=True)]
    axes.set_ylabel("USD")
    axes.set_title("Computing by month" if months else "No computing yet", loc="left")
    if any(below):
        axes.legend(title=f"{months[-1]}, {below[-1]:,.2f} USD", loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure
