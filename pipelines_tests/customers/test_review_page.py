"""The review page: what it shows is what the tables say, whatever the tables hold."""

from __future__ import annotations

import re
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import pipelines.customers.review as review
from pipelines.customers.review import review_page
from pipelines.customers.review.words import clock, number, percent, visible
from pipelines.flight.formats.read import read_session
from pipelines.flight.maneuvers import MANEUVERS
from pipelines.tables.gold_rows import seconds_of
from pipelines_tests.customers.html_page import check_rules
from pipelines_tests.customers.review_rows import (
    NOW,
    analysis_rows,
    approach_rows,
    finding,
    judgement_rows,
    session_row,
    unstable_then_stable,
)
from pipelines_tests.flight.flown_session import FlownSession
from pipelines_tests.real_data import real_data_folder

HOSTILE = "</title><script>alert(1)</script>\"'><img src=x onerror=alert(2)>&amp;\u202egpj.exe\x00\ud800"
NONE = pd.DataFrame()


def _segments(samples: pd.DataFrame, names: tuple[str, ...] = ("takeoff", "climb", "approach")) -> list[dict]:
    edges = np.linspace(0, len(samples), len(names) + 1).astype(int)
    return [
        finding(
            "maneuver_classifier", count, "maneuver_segments", start_second=a, end_second=b - 1, label=name, score=0.9
        )
        for count, (name, a, b) in enumerate(zip(names, edges, edges[1:], strict=False), start=1)
    ]


def _upset(number_: int, start: int, end: int, kind: str, score: float, is_alarm: bool) -> dict:
    row = {"is_alarm": is_alarm}
    return finding(
        "upset_detector", number_, "upset_events", start_second=start, end_second=end, label=kind, score=score, row=row
    )


def _page(**changes) -> str:
    samples = unstable_then_stable()
    parts = {
        "session": session_row(),
        "samples": samples,
        "approaches": approach_rows(samples),
        "analysis": analysis_rows(*_segments(samples)),
        "judgements": judgement_rows("maneuver_classifier", "upset_detector", "approach_stability"),
    }
    return review_page(**(parts | changes))


def test_an_unstable_approach_shows_what_was_flown_what_is_allowed_and_by_how_much_it_missed():
    page = check_rules(_page())
    first = page.table("Approach 1").rows()
    assert first[0][::2] == ["Airspeed", "58 to 73 kt"]
    assert re.fullmatch(r"\d\d to 8\d kt", first[0][1])
    assert re.fullmatch(r"✗ failed: 1\d kt too fast for 3 seconds or more; \d+ seconds outside in all", first[0][3])
    assert first[1] == ["Sink rate", "up to 500 ft/min", "up to 1,000 ft/min", "✓ kept"]
    assert first[2] == ["Bank", "up to 0 deg", "up to 10 deg", "✓ kept"]
    second = page.table("Approach 2").rows()
    assert second[0] == ["Airspeed", "65 to 65 kt", "58 to 73 kt", "✓ kept"]
    headings = [heading.text() for heading in page.all("h3")]
    assert any(heading.startswith("A1: go around at") and "unstable (speed)" in heading for heading in headings)
    assert any(heading.startswith("A2: landing at") and heading.endswith("✓ stable") for heading in headings)
    assert "1 of 2 approaches was unstable" in page.section("At a glance")


def test_the_excess_is_what_was_sustained_above_the_limit():
    samples = FlownSession().circuit().fly(5, 1000, 85).final(85).full_stop().samples()
    row = check_rules(_page(samples=samples, approaches=approach_rows(samples))).table("Approach 1").rows()[0]
    assert row[1] == "85 to 85 kt"
    assert re.fullmatch(r"✗ failed: 12 kt too fast for 3 seconds or more; \d+ seconds outside in all", row[3])


def test_what_was_foreseen_stands_beside_how_it_went():
    samples = unstable_then_stable()
    gates = [int(gate) for gate in approach_rows(samples)["gate_second"]]
    foreseen = finding(
        "approach_stability", 1, "approach_judgements", start_second=1, end_second=2, label="landing",
        row={"gate_second": gates[0], "stable_probability": 0.25, "expected_failures": ["speed", "sink"]},
    )  # fmt: skip
    unforeseen = finding(
        "approach_stability", 2, "approach_judgements", start_second=3, end_second=4, label="landing",
        row={"gate_second": gates[1], "stable_probability": None, "status": "aircraft_type_unknown"},
    )  # fmt: skip
    cards = check_rules(_page(analysis=analysis_rows(foreseen, unforeseen))).all("article")
    assert "Foreseen before the gate: 25 % likely to be stable; expected to fail: speed and sink." in cards[0].text()
    assert "Not foreseen: aircraft type unknown." in cards[1].text()


def test_segments_carry_times_confidence_and_what_was_flown():
    samples = FlownSession().circuit().samples()
    rows = [
        finding(
            "maneuver_classifier", count, "maneuver_segments", start_second=a, end_second=b, label=label, score=score
        )
        for count, (a, b, label, score) in enumerate([(0, 14, "takeoff", 0.997), (15, 104, "climb", 0.5)], start=1)
    ]
    page = check_rules(_page(samples=samples, approaches=NONE, analysis=analysis_rows(*rows)))
    assert page.table("Maneuvers in the order").rows() == [
        ["takeoff", "0:00", "0:14", "0:15", "890 → 890", "0 to 56", "0", "> 99 %"],
        ["climb", "0:15", "1:44", "1:30", "890 → 1,879", "60 to 75", "0", "50 %"],
    ]
    assert page.table("Time in each maneuver").rows() == [
        ["climb", "1", "1:30", "86 %"],
        ["takeoff", "1", "0:15", "14 %"],
    ]


def test_upsets_are_told_from_what_only_came_near():
    rows = [_upset(1, 50, 51, "stall", 0.2, False), _upset(2, 70, 75, "nose_high", 0.97, True)]
    page = check_rules(_page(analysis=analysis_rows(*rows)))
    assert page.table("Stalls and other").rows() == [["U1", "1:10", "1:15", "nose high", "97 %"]]
    assert page.table("Not reported as upsets").rows() == [["S1", "0:50", "0:51", "stall", "20 %"]]
    assert "1 upset: nose high." in page.section("At a glance")
    pictures = [svg.text() for svg in page.all("svg") if "timeline" in svg.attributes.get("class", "")]
    assert len(pictures) == 2
    assert all("U1" in picture and "U2" not in picture for picture in pictures)


def test_no_upset_is_told_only_where_the_detector_looked():
    assert "No upset was found." in check_rules(_page()).section("At a glance")
    without = check_rules(_page(judgements=judgement_rows("maneuver_classifier")))
    assert "No upset was found." not in without.section("At a glance")


def test_only_the_version_that_analysed_last_is_shown_and_the_others_are_named():
    samples = unstable_then_stable()
    old = [row | {"model_version": 2} for row in _segments(samples, ("stall",))]
    new = _segments(samples, ("cruise",))
    judgements = pd.concat(
        [
            judgement_rows("maneuver_classifier", model_version=2, analysed_at=NOW - pd.Timedelta(days=1)),
            judgement_rows("maneuver_classifier", route_reason="asked_for", plan_revision=77),
        ]
    )
    page = check_rules(_page(analysis=analysis_rows(*old, *new), judgements=judgements))
    assert [row[0] for row in page.table("Maneuvers in the order").rows()] == ["cruise"]
    sources = page.table("Models that analysed").rows()
    assert [(row[1], row[4], row[5], row[8]) for row in sources] == [
        ("2", "12", "champion", "earlier, not shown"),
        ("3", "77", "asked for", "shown"),
    ]
    assert {row[0] for row in sources} == {"maneuver_classifier"}, "the name that a request asks for it by"
    assert sources[1][6:8] == ["request-1", "2026-03-04 05:06 UTC"]


def test_what_could_not_be_judged_is_said_with_its_reason():
    samples = FlownSession().circuit().final().full_stop().samples(without=("indicated_airspeed_kt",))
    samples.loc[10:19, "is_gap"] = True
    judgements = pd.concat(
        [
            judgement_rows("upset_detector", status="not_judged", reason="It needs airspeed, which is missing."),
            judgement_rows("maneuver_classifier", status="failed", reason="It raised an error."),
        ]
    )
    page = check_rules(
        _page(
            samples=samples,
            approaches=approach_rows(samples),
            judgements=judgements,
            analysis=analysis_rows(),
            session=session_row(missing_channels=["indicated_airspeed_kt", "altitude_agl_ft"]),
        )
    )
    told = page.section("What could not be judged")
    assert "The model upset detector could not judge this session: It needs airspeed, which is missing." in told
    assert "The model maneuver classifier failed on this session: It raised an error." in told
    assert "Not every criterion could be judged: airspeed of 1 approach." in told
    assert "10 seconds of" in told
    assert "Not recorded by this source: indicated airspeed and altitude agl." in told
    speed = page.table("Approach 1").rows()[0]
    assert speed == ["Airspeed", "-", "58 to 73 kt", "? not judged: indicated airspeed was not recorded"]


def test_an_unknown_aircraft_type_has_no_speed_limits_and_says_so():
    samples = FlownSession().circuit().final().full_stop().samples()
    session = session_row(aircraft_type=None, airframe_name="Homebuilt")
    page = check_rules(_page(session=session, samples=samples, approaches=approach_rows(samples, None)))
    row = page.table("Approach 1").rows()[0]
    assert row[2:] == ["-", "? not judged: the reference speed of this aircraft type is not known"]
    assert "The aircraft type is not known" in page.section("What could not be judged")
    assert "type not known (“Homebuilt” in the file)" in page.root.text()


def test_texts_of_files_and_tables_are_shown_and_never_obeyed():
    samples = unstable_then_stable()
    rows = [
        *_segments(samples, (HOSTILE, "climb")),
        _upset(1, 5, 9, HOSTILE, 0.9, True),
        finding("new_model", 1, HOSTILE, start_second=1, end_second=2, label=HOSTILE, score=0.4),
        finding(HOSTILE, 1, "maneuver_segments", start_second=0, end_second=5, label="cruise", score=0.1),
    ]
    session = session_row(
        file_name=HOSTILE, airframe_name=HOSTILE, request_id=HOSTILE, repairs=[HOSTILE], source_format=HOSTILE,
        device_kind=HOSTILE, missing_channels=[HOSTILE], source_digest=HOSTILE, session_id=HOSTILE,
        aircraft_type=HOSTILE,
    )  # fmt: skip
    judgements = pd.concat(
        [
            judgement_rows("maneuver_classifier", "upset_detector", "new_model", reason=HOSTILE, route_reason=HOSTILE),
            judgement_rows(HOSTILE, status=HOSTILE, reason=HOSTILE, request_id=HOSTILE),
        ]
    )
    approaches = approach_rows(samples).assign(outcome=HOSTILE, failed_criteria=[[HOSTILE], []])
    html = _page(session=session, analysis=analysis_rows(*rows), judgements=judgements, approaches=approaches)
    page = check_rules(html)
    assert page.all("h1")[0].text() == visible(HOSTILE)
    assert "<script>" not in html
    html.encode("utf-8")
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u200b-\u200f\x00]", html)
    assert "[U+202E]gpj.exe[U+0000][U+D800]" in page.all("h1")[0].text()


def test_hostile_reasons_of_a_refused_file_are_shown_on_a_page_of_their_own():
    session = session_row(status="quarantined", reason=f"Line 3 is broken: {HOSTILE}", second_count=0)
    page = check_rules(review_page(session, NONE, NONE, NONE, NONE))
    assert "Line 3 is broken" in page.section("This file could not be used")
    assert "At a glance" not in page.root.text()


@pytest.mark.parametrize("seconds", [1, 2, 5])
def test_a_session_of_seconds_gives_a_page(seconds: int):
    samples = FlownSession().circuit().samples().head(seconds)
    page = check_rules(_page(samples=samples, approaches=NONE, analysis=NONE, judgements=NONE))
    assert "No model has analysed this session." in page.section("What could not be judged")
    assert "No approach to a runway was found" in page.section("Approaches")


def test_a_session_without_any_channel_gives_a_page():
    samples = pd.DataFrame({"second": range(30), "is_gap": True})
    page = check_rules(_page(samples=samples, approaches=NONE, analysis=NONE, judgements=NONE))
    assert "positions were not recorded" in page.section("The flight")
    descriptions = [text.text() for text in page.all("desc")]
    assert all("altitude was not recorded; speed was not recorded" in text for text in descriptions)


def test_three_hours_with_hundreds_of_segments_stay_small_and_quick():
    flown = FlownSession()
    for _ in range(12):
        flown.circuit().final().fly(12, 0, 42)
    samples = flown.fly(10800 - flown.second - 1, 0, 0).samples()
    rng = np.random.default_rng(1)
    samples["roll_deg"] = rng.normal(0, 20, len(samples))
    samples["indicated_airspeed_kt"] += rng.normal(0, 5, len(samples))
    samples["latitude_deg"] += np.cumsum(rng.normal(0, 1e-4, len(samples)))
    names = tuple(MANEUVERS[number_ % len(MANEUVERS)] for number_ in range(300))
    parts = {
        "samples": samples,
        "approaches": approach_rows(samples),
        "analysis": analysis_rows(*_segments(samples, names)),
    }
    _page(**parts)
    began = time.perf_counter()
    html = _page(**parts)
    took = time.perf_counter() - began
    page = check_rules(html)
    assert len(page.all("article")) == 12
    assert len(page.table("Maneuvers in the order").rows()) == 300
    assert len(html.encode()) < 1_000_000
    assert took < 10, "ten times what it takes on an idle core"


def test_the_same_input_gives_the_same_bytes_also_after_other_pictures():
    import matplotlib as mpl

    first = _page()
    mpl.rcParams["lines.linewidth"] = 9.0
    try:
        assert _page() == first
        assert mpl.rcParams["lines.linewidth"] == 9.0, "settings of the process are put back"
    finally:
        mpl.rcdefaults()


def test_a_flight_over_the_date_line_has_a_small_track():
    samples = FlownSession().circuit().samples()
    samples["longitude_deg"] = np.concatenate([np.linspace(179.9, 180, 93), np.linspace(-180, -179.9, 93)])[
        : len(samples)
    ]
    samples["latitude_deg"] = 0.0
    (track,) = [svg for svg in check_rules(_page(samples=samples)).all("svg") if svg.attributes.get("class") == "track"]
    assert "stayed within 12.0 nautical miles" in track.all("desc")[0].text()


def test_numbers_and_times_in_words():
    assert [clock(value) for value in (0, 59.6, 3599, 3600, None)] == ["0:00", "1:00", "59:59", "1:00:00", "unknown"]
    assert [number(value) for value in (1234.6, -0.2, float("nan"), None)] == ["1,235", "0", "-", "-"]
    assert [percent(value) for value in (0.0, 0.001, 0.5, 0.9999, 1.0, None)] == [
        "0 %", "< 1 %", "50 %", "> 99 %", "100 %", "-",
    ]  # fmt: skip


def test_text_has_enough_contrast_in_light_dark_and_print():
    style = (Path(review.__file__).parent / "templates" / "page.css").read_text()
    schemes = [
        dict(re.findall(r"--(\w+): (#\w{6})", block)) for block in re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    ]
    assert len(schemes) == 3
    for colors in schemes:
        for ink in ("ink", "soft", "good", "bad", "accent"):
            for paper in ("paper", "sheet"):
                assert _contrast(colors[ink], colors[paper]) >= 4.5, (ink, paper, colors)


def _contrast(one: str, other: str) -> float:
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: str) -> float:
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_the_ruler_of_contrast_is_right():
    assert _contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert _contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("name", ["garmin/log_110812_095915_KCKN.csv", "simulator/xplane.csv"])
def test_a_real_log_gives_a_page(name: str):
    folder = real_data_folder()
    if folder is None:
        pytest.skip("the real flight logs are not on this machine")
    parsed = read_session(name, (folder / name).read_bytes())
    samples = parsed.samples.to_pandas().assign(session_id="0123456789abcdef", upload_day=NOW.date())
    seconds = seconds_of(samples, (), "feed")
    html = _page(
        session=session_row(
            aircraft_type=parsed.aircraft_type, repairs=parsed.repairs, missing_channels=parsed.missing_channels
        ),
        samples=seconds,
        approaches=approach_rows(seconds, parsed.aircraft_type),
        analysis=NONE,
        judgements=NONE,
    )
    page = check_rules(html)
    assert len(page.all("article")) == len(approach_rows(seconds, parsed.aircraft_type))
    assert len(html.encode()) < 1_000_000
