"""Approaches found and judged in sessions of which every touchdown and every fault is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipelines.flight.approaches import find_approaches
from pipelines_tests.flight.flown_session import FIELD_FT, FlownSession
from pipelines_tests.real_data import real_data_folder


def test_a_circuit_gives_one_stable_landing() -> None:
    flown = FlownSession().circuit().final().full_stop()
    (approach,) = find_approaches(flown.samples(), "c172s")
    assert (approach.approach, approach.outcome, approach.is_stable) == (1, "landing", True)
    assert approach.failed_criteria == []
    assert approach.field_elevation_ft == pytest.approx(FIELD_FT, abs=2)
    touchdown = flown.second - 80
    assert approach.start_second == pytest.approx(185, abs=12)
    assert approach.gate_second == pytest.approx(touchdown - 60, abs=2)
    assert approach.end_second == pytest.approx(touchdown, abs=3)


def test_touch_and_gos_are_found_one_by_one_without_a_stop() -> None:
    flown = FlownSession()
    for _ in range(3):
        flown.circuit().final().fly(12, 0, 42)
    approaches = find_approaches(flown.full_stop().samples(), "c172s")
    assert [approach.outcome for approach in approaches] == ["landing"] * 3
    assert [approach.approach for approach in approaches] == [1, 2, 3]


def test_a_go_around_takes_the_elevation_of_the_ground_that_the_session_knows() -> None:
    flown = FlownSession().circuit().final(to_height_ft=120).fly(60, 1000, 75).fly(30, 1000, 65).final().full_stop()
    first, second = find_approaches(flown.samples(), "c172s")
    assert (first.outcome, second.outcome) == ("go_around", "landing")
    assert first.field_elevation_ft == pytest.approx(FIELD_FT, abs=2)
    assert first.end_second < second.start_second


def test_a_go_around_without_any_ground_takes_its_lowest_point() -> None:
    flown = FlownSession(2000, 90).fly(60, 2000, 65).final(to_height_ft=60).fly(120, 1500, 75)
    (approach,) = find_approaches(flown.samples(), "c172s")
    assert approach.outcome == "go_around"
    assert approach.field_elevation_ft == pytest.approx(FIELD_FT + 60)


def test_a_recorded_height_is_preferred_for_the_elevation() -> None:
    flown = FlownSession(2000, 90).fly(60, 2000, 65).final(to_height_ft=60).fly(120, 1500, 75)
    samples = flown.samples()
    samples["altitude_agl_ft"] = samples["altitude_msl_ft"] - FIELD_FT
    (approach,) = find_approaches(samples, "c172s")
    assert approach.field_elevation_ft == pytest.approx(FIELD_FT)


@pytest.mark.parametrize(
    "flown",
    [
        FlownSession(3000, 100).fly(100, 3000, 100).fly(120, 1500, 110).fly(200, 3000, 75),
        FlownSession().circuit().fly(60, 900, 65).final(to_height_ft=450).fly(60, 1000, 75),
        FlownSession(2000, 90).fly(60, 2000, 65).final(to_height_ft=100),
        FlownSession().fly(20, 0, 60).fly(40, 400, 70).final().full_stop(),
        FlownSession().fly(1, 0, 0),
    ],
    ids=["air work", "given up above 300 ft", "recording ends on final", "never above the gate", "two seconds"],
)
def test_what_is_no_approach_is_not_reported(flown: FlownSession) -> None:
    assert find_approaches(flown.samples(), "c172s") == []


def test_a_frozen_pitot_tube_in_cruise_is_no_landing() -> None:
    flown = FlownSession(3000, 100).fly(60, 3000, 100).fly(120, 2000, 100).fly(200, 2000, 100).fly(60, 2600, 80)
    samples = flown.samples()
    samples.loc[250:280, "indicated_airspeed_kt"] = 0.0
    assert find_approaches(samples, "c172s") == []


@pytest.mark.parametrize(
    ("flown", "failed"),
    [
        (FlownSession().circuit().final(speed_kt=78), ["speed"]),
        (FlownSession().circuit().final(speed_kt=55), ["speed"]),
        (FlownSession().circuit().final(sink_fpm=1150), ["sink"]),
        (FlownSession().circuit().fly(72, 400, 65).fly(8, 333, 65, bank_deg=15).final(), ["bank"]),
        (FlownSession().circuit().fly(72, 400, 65).fly(2, 383, 65, bank_deg=15).final(), []),
        (FlownSession().circuit().fly(50, 583, 65).fly(25, 375, 65, bank_deg=25, turn_deg=90).final(), []),
        (FlownSession().circuit().fly(50, 583, 65).fly(45, 208, 65, bank_deg=25, turn_deg=90).final(), ["bank"]),
        (FlownSession().circuit().final(speed_kt=80, sink_fpm=1300), ["speed", "sink"]),
    ],
    ids=["fast", "slow", "steep", "banked", "one gust", "turn to final", "turn below 300 ft", "fast and steep"],
)
def test_each_fault_is_named(flown: FlownSession, failed: list[str]) -> None:
    (approach,) = find_approaches(flown.full_stop().samples(), "c172s")
    assert approach.failed_criteria == failed
    assert approach.is_stable is (not failed)


def test_an_unknown_channel_or_type_leaves_its_criterion_unknown() -> None:
    flown = FlownSession().circuit().final(speed_kt=90).full_stop()
    (approach,) = find_approaches(flown.samples(), None)
    assert (approach.speed_stable, approach.sink_stable, approach.is_stable) == (None, True, True)
    (approach,) = find_approaches(flown.samples(without=("indicated_airspeed_kt", "roll_deg")), "c172s")
    assert (approach.speed_stable, approach.bank_stable, approach.failed_criteria) == (None, None, [])
    nothing = flown.samples(without=("roll_deg",)).drop(columns=["vertical_speed_fpm"])
    (approach,) = find_approaches(nothing, None)
    assert approach.sink_stable is True, "vertical speed follows from the altitude"


def test_without_altitude_or_any_speed_nothing_is_claimed() -> None:
    flown = FlownSession().circuit().final().full_stop()
    assert find_approaches(flown.samples(without=("altitude_msl_ft", "altitude_indicated_ft")), "c172s") == []
    assert find_approaches(flown.samples(without=("indicated_airspeed_kt", "ground_speed_kt")), "c172s") == []


def test_a_gap_on_final_is_not_judged_but_does_not_hide_the_landing() -> None:
    flown = FlownSession().circuit().final(speed_kt=80).full_stop()
    samples = flown.samples()
    gate = find_approaches(samples, "c172s")[0].gate_second
    channels = [column for column in samples.columns if column not in ("second", "is_gap")]
    samples.loc[gate + 5 : gate + 15, channels] = np.nan
    (short,) = find_approaches(samples, "c172s")
    assert short.speed_stable is False
    samples.loc[gate + 5 : gate + 50, channels] = np.nan
    (long,) = find_approaches(samples, "c172s")
    assert (long.outcome, long.speed_stable, long.is_stable) == ("landing", None, None)


def _garmin(file: Path) -> pd.DataFrame:
    from pipelines.flight.formats import read_session

    session = read_session(file.name, file.read_bytes())
    samples = session.samples.to_pandas()
    return samples.assign(second=np.arange(len(samples)))


@pytest.mark.parametrize(
    ("name", "aircraft_type", "outcomes"),
    [
        # Counted by eye in plots of altitude and speed; the go-arounds of the second are at a field never touched.
        ("log_110812_095915_KCKN.csv", "c172s", "LLGLLL"),
        ("log_111123_121305_KGFK.csv", "c172s", "LGGGLL"),
        ("flight_1934579.csv", "p28a", "L"),
    ],
)
def test_real_logs_give_the_approaches_that_their_plots_show(name: str, aircraft_type: str, outcomes: str) -> None:
    folder = real_data_folder()
    if folder is None:
        pytest.skip("real flight logs are not here: set FLIGHT_DATA to their folder")
    found = find_approaches(_garmin(folder / "garmin" / name), aircraft_type)
    assert "".join({"landing": "L", "go_around": "G"}[approach.outcome] for approach in found) == outcomes
