"""One session on one page of HTML: no script, no font, no picture from elsewhere, the same bytes for the same input."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import jinja2
    import pandas


def review_page(
    session: Mapping[str, Any],
    samples: pandas.DataFrame,
    approaches: pandas.DataFrame,
    analysis: pandas.DataFrame,
    judgements: pandas.DataFrame,
) -> str:
    """The page that an instructor reads after a session, as a complete HTML document in UTF-8.

    Of each model it shows the version that analysed the session last, by `judgements`; findings of other versions are
    named and not shown.

    Args:
        session: the session's row of the customer's `sessions`, as a mapping.
        samples: its rows of `flight_samples`; channels that were not recorded may be null or absent.
        approaches: its rows of `approaches`.
        analysis: its rows of `analysis`.
        judgements: its rows of `analysed_sessions`.

    Each table may be empty; a quarantined session has none and gives a page that says why.
    """
    from pipelines.customers.review.contents import contents_of

    return _template().render(page=contents_of(session, samples, approaches, analysis, judgements))


@cache
def _template() -> jinja2.Template:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("page.html")
