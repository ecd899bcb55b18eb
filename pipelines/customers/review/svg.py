"""Matplotlib figures as SVG inside a page: with a text alternative, small, and the same bytes for the same figure."""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from matplotlib.figure import Figure

POINTS_PER_INCH = 72
"""Figures are drawn at this resolution, so that one unit of the SVG is one pixel of the page."""

_LOOK: dict[Any, Any] = {
    # Text stays text: it can be read aloud, searched and selected, and takes the page's font.
    "svg.fonttype": "none",
    "svg.hashsalt": "review",
    "text.parse_math": False,
    "path.simplify": True,
    "path.simplify_threshold": 0.3,
}
_one_at_a_time = threading.RLock()
_UNWANTED = re.compile(r"<metadata>.*?</metadata>|<!--.*?-->|\s+xmlns(?::\w+)?=\"[^\"]*\"", re.DOTALL)
_IDENTIFIER = re.compile(r"\s+id=\"([^\"]*)\"")
_REFERENCE = re.compile(r"(?:href=\"|url\()#([^\")]*)")
_HEAD = re.compile(r"<svg\b[^>]*?viewBox=\"([^\"]*)\"[^>]*>")


@contextmanager
def drawing() -> Iterator[None]:
    """Within it figures are made and turned to SVG: settings of the process are others', and are put back."""
    import matplotlib as mpl

    with _one_at_a_time, mpl.rc_context():
        mpl.rcdefaults()
        for setting, value in _LOOK.items():
            mpl.rcParams[setting] = value
        yield


def inline_svg(figure: Figure, name: str, title: str, description: str, style_class: str = "") -> Markup:
    """The figure as an `svg` element.

    Args:
        figure: drawn at `POINTS_PER_INCH`, within `drawing`.
        name: its name in the page, letters, digits and `-`; begins all of its identifiers.
        title: what the picture is.
        description: what it shows, for those who do not see it.
        style_class: class of the element.
    """
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", dpi=POINTS_PER_INCH, metadata={"Date": None})
    text = buffer.getvalue()
    text = _UNWANTED.sub("", text[text.index("<svg") :]).replace("xlink:href", "href")
    referenced = set(_REFERENCE.findall(text))

    def kept(match: re.Match[str]) -> str:
        return f' id="{name}-{match[1]}"' if match[1] in referenced else ""

    text = _IDENTIFIER.sub(kept, text)
    text = _REFERENCE.sub(lambda match: f"{match[0][: -len(match[1])]}{name}-{match[1]}", text)
    # A hundredth of a pixel is as fine as anyone sees.
    text = re.sub(r"(\d\.\d\d)\d+", r"\1", text)
    head = (
        f'role="img" aria-labelledby="{name}-title {name}-text"><title id="{name}-title">{escape(title)}</title>'
        f'<desc id="{name}-text">{escape(description)}</desc>'
    )
    text = _HEAD.sub(lambda match: f'<svg class="{style_class}" viewBox="{match[1]}" {head}', text, count=1)
    # Matplotlib escapes its texts, and ours are escaped above.
    return Markup(text.strip())
