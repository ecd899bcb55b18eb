"""What could not be judged, and why: missing channels, gaps, models that had to pass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipelines.customers.review.approach_cards import ApproachCard
from pipelines.customers.review.findings import names_in
from pipelines.customers.review.words import channel, clock, is_missing, listed, percent, plain, several, visible
from pipelines.flight.aircraft import AIRCRAFT

if TYPE_CHECKING:
    import pandas

_STATUS = {"not_judged": "could not judge this session", "failed": "failed on this session"}


def limits_of(
    session: Mapping[str, Any],
    samples: pandas.DataFrame,
    judgements: pandas.DataFrame,
    versions: Mapping[str, int],
    cards: list[ApproachCard],
) -> list[str]:
    """Sentences, the gravest first; empty where everything could be judged."""
    found = []
    for row in judgements.sort_values("model", kind="stable").to_dict("records") if len(judgements) else []:
        if versions.get(row["model"]) == int(row["model_version"]) and row["status"] != "judged":
            reason = "" if is_missing(row["reason"]) else f": {visible(row['reason'])}"
            status = _STATUS.get(row["status"], plain(row["status"]))
            found.append(f"The model {plain(row['model'])} {status}{reason}")
    if judgements.empty and session.get("status") == "ready":
        found.append("No model has analysed this session.")
    unjudged = [card for card in cards if any(row.held is None for row in card.criteria)]
    if unjudged:
        names = sorted({row.name.lower() for card in unjudged for row in card.criteria if row.held is None})
        of = several(len(unjudged), "approach", "approaches")
        found.append(f"Not every criterion could be judged: {listed(names)} of {of}.")
    if session.get("status") == "ready" and session.get("aircraft_type") not in AIRCRAFT:
        found.append(
            "The aircraft type is not known, so airspeed on approaches has no reference: "
            "see that the file names the airframe."
        )
    if "is_gap" in samples and len(samples) and (gaps := int(samples["is_gap"].fillna(False).sum())):
        found.append(
            f"{several(gaps, 'second')} of {clock(len(samples))} ({percent(gaps / len(samples))}) were not recorded; "
            "nothing is told of them."
        )
    if missing := names_in(session.get("missing_channels")):
        found.append(f"Not recorded by this source: {listed(channel(name) for name in missing)}.")
    return found
