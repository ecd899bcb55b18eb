"""What the template shows: every value of the page, in words, and the pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.customers.review.approach_cards import ApproachCard, approach_cards
from pipelines.customers.review.approach_picture import approach_picture
from pipelines.customers.review.findings import Findings, Upset, findings_of, names_in
from pipelines.customers.review.limits import limits_of
from pipelines.customers.review.segment_rows import ManeuverTotal, SegmentRow, maneuver_totals, segment_rows
from pipelines.customers.review.svg import drawing
from pipelines.customers.review.timeline import NARROW, WIDE, timeline
from pipelines.customers.review.track import ground_track
from pipelines.customers.review.words import clock, is_missing, moment, percent, plain, several, visible
from pipelines.flight.aircraft import AIRCRAFT

if TYPE_CHECKING:
    import pandas
    from markupsafe import Markup

MOST_APPROACH_PICTURES = 12
"""A session with more shows the figures of all and draws the unstable ones first: each picture takes its time."""


@dataclass(frozen=True)
class UpsetRow:
    """An upset, or what came near to one."""

    name: str
    start: str
    end: str
    kind: str
    score: str


@dataclass(frozen=True)
class Contents:
    """Everything on the page; texts of files and tables have no invisible signs left and are not escaped yet."""

    title: str
    quarantined: str
    facts: list[tuple[str, str]]
    summary: list[tuple[str, str]]
    """Whether it is `good`, `bad` or `unknown`, and the sentence."""
    timelines: list[Markup]
    track: Markup | None
    cards: list[ApproachCard]
    approach_pictures: dict[int, Markup]
    upsets: list[UpsetRow]
    suspicions: list[UpsetRow]
    totals: list[ManeuverTotal]
    segments: list[SegmentRow]
    others: list[tuple[str, str, str, str, str]]
    limits: list[str]
    repairs: list[str]
    sources: list[dict[str, str]]
    identity: list[tuple[str, str]]


def contents_of(
    session: Mapping[str, Any],
    samples: pandas.DataFrame,
    approaches: pandas.DataFrame,
    analysis: pandas.DataFrame,
    judgements: pandas.DataFrame,
) -> Contents:
    """The page's contents; the arguments are those of `review_page`."""
    samples = samples.sort_values("second", kind="stable") if len(samples) else samples
    long = len(samples) >= 3600
    found = findings_of(analysis, judgements)
    aircraft_type = None if is_missing(session.get("aircraft_type")) else str(session["aircraft_type"])
    cards = approach_cards(approaches, samples, aircraft_type, found.foreseen, long)
    timelines, track, pictures = _pictures(samples, found, cards)
    quarantined = session.get("status") == "quarantined"
    return Contents(
        title=visible(session.get("file_name")) or visible(session.get("session_id")) or "Session",
        quarantined=(visible(session.get("reason")) or "No reason was recorded.") if quarantined else "",
        facts=_facts(session, samples, aircraft_type, long),
        summary=[] if quarantined else _summary(found, cards),
        timelines=timelines,
        track=track,
        cards=cards,
        approach_pictures=pictures,
        upsets=[_upset_row("U", upset, long) for upset in found.alarms],
        suspicions=[_upset_row("S", upset, long) for upset in found.suspicions],
        totals=maneuver_totals(found.segments),
        segments=segment_rows(found.segments, samples, long),
        others=[_other(row, long) for row in found.others],
        limits=limits_of(session, samples, judgements, found.versions, cards),
        repairs=[visible(repair) for repair in names_in(session.get("repairs"))],
        sources=_sources(judgements, found.versions),
        identity=[
            ("Session", visible(session.get("session_id"))),
            ("File and rules, digest", visible(session.get("source_digest"))),
            ("Read at", moment(session.get("ingested_at"))),
        ],
    )


def _pictures(
    samples: pandas.DataFrame, found: Findings, cards: list[ApproachCard]
) -> tuple[list[Markup], Markup | None, dict[int, Markup]]:
    if samples.empty:
        return [], None, {}
    spans = [(card.number, card.gate_second, card.end_second, card.is_stable) for card in cards]
    upsets = [(upset.number, upset.start_second, upset.end_second) for upset in found.alarms]
    drawn = sorted(
        (card for card in cards if card.measures), key=lambda card: (card.is_stable is not False, card.number)
    )
    with drawing():
        timelines = [timeline(samples, found.segments, spans, upsets, layout) for layout in (WIDE, NARROW)]
        ends = [(number, end) for number, _, end, _ in spans]
        track = ground_track(samples, found.segments, ends, [(number, start) for number, start, _ in upsets])
        pictures = {
            card.number: approach_picture(card.number, card.end_second, card.measures)
            for card in drawn[:MOST_APPROACH_PICTURES]
        }
    return timelines, track, pictures


def _facts(
    session: Mapping[str, Any], samples: pandas.DataFrame, aircraft_type: str | None, long: bool
) -> list[tuple[str, str]]:
    known = AIRCRAFT.get(aircraft_type or "")
    named = visible(session.get("airframe_name"))
    aircraft = known.name if known else visible(aircraft_type) or "type not known"
    duration = session.get("duration_s")
    return [
        ("Started", moment(session.get("started_at"))),
        ("Duration", clock(len(samples) if is_missing(duration) else duration, long)),
        ("Aircraft", f"{aircraft} (“{named}” in the file)" if named and named != aircraft else aircraft),
        ("Recorded by", plain(session.get("device_kind")) or "not known"),
        ("Format", plain(session.get("source_format")) or "not known"),
        ("Request", visible(session.get("request_id"))),
    ]


def _summary(found: Findings, cards: list[ApproachCard]) -> list[tuple[str, str]]:
    sentences = []
    unstable = [card for card in cards if card.is_stable is False]
    unknown = [card for card in cards if card.is_stable is None]
    if not cards:
        sentences.append(("neutral", "No approach to a runway was found."))
    elif unstable:
        which = f"{len(unstable)} of {several(len(cards), 'approach', 'approaches')}"
        verb = "was" if len(unstable) == 1 else "were"
        sentences.append(("bad", f"{which} {verb} unstable below 500 ft above the field."))
    elif len(unknown) < len(cards):
        judged = len(cards) - len(unknown)
        sentences.append(
            ("good", f"{several(judged, 'approach', 'approaches')} stable from 500 ft above the field on.")
        )
    if unknown:
        sentences.append(("unknown", f"{several(len(unknown), 'approach', 'approaches')} could not be judged."))
    if found.alarms:
        kinds = sorted({plain(upset.label) for upset in found.alarms})
        sentences.append(("bad", f"{several(len(found.alarms), 'upset')}: {', '.join(kinds)}."))
    elif "upset_detector" in found.versions:
        sentences.append(("good", "No upset was found."))
    totals = maneuver_totals(found.segments)
    if totals:
        named = ", ".join(f"{total.maneuver} {total.duration}" for total in totals[:4])
        sentences.append(("neutral", f"{several(len(found.segments), 'maneuver segment')}; most time in {named}."))
    return sentences


def _upset_row(letter: str, upset: Upset, long: bool) -> UpsetRow:
    return UpsetRow(
        name=f"{letter}{upset.number}",
        start=clock(upset.start_second, long),
        end=clock(upset.end_second, long),
        kind=plain(upset.label) or "-",
        score=percent(upset.score),
    )


def _other(row: Mapping[str, Any], long: bool) -> tuple[str, str, str, str, str]:
    start, end = (clock(row[name], long) for name in ("start_second", "end_second"))
    return plain(row["kind"]), start, end, plain(row["label"]) or "-", percent(row["score"])


def _sources(judgements: pandas.DataFrame, versions: Mapping[str, int]) -> list[dict[str, str]]:
    if judgements.empty:
        return []
    rows = judgements.sort_values(["model", "model_version"], kind="stable").to_dict("records")
    return [
        {
            "model": visible(row["model"]),  # as a request names it
            "version": visible(row["model_version"]),
            "status": plain(row["status"]),
            "findings": visible(row["finding_count"]),
            "plan": visible(row["plan_revision"]),
            "route": plain(row["route_reason"]),
            "request": visible(row["request_id"]),
            "analysed": moment(row["analysed_at"]),
            "shown": "shown" if versions.get(row["model"]) == int(row["model_version"]) else "earlier, not shown",
        }
        for row in rows
    ]
