"""What is read of an approach before its gate, and that nothing after it is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipelines.engines.engine import Engine
from pipelines.models.approach_stability.windows import CHANNELS, FEATURES, LABELS, WINDOW_S, approach_windows
from pipelines_tests.flight.flown_session import FlownSession
from pipelines_tests.models.drawn_gold import gold_of


def _windows(engine: Engine, samples: dict[str, pd.DataFrame], **changed: pd.DataFrame) -> pd.DataFrame:
    gold = gold_of(engine.spark, samples)
    seconds = engine.spark.createDataFrame(changed["seconds"]) if changed else gold["flight_samples"]
    rows = approach_windows(gold["sessions"], seconds, gold["approaches"]).toPandas()
    return rows.sort_values(["session_id", "approach"]).reset_index(drop=True)


def _two_circuits(**final: float) -> pd.DataFrame:
    return FlownSession().circuit().final(**final).fly(12, 0, 42).circuit().final().full_stop().samples()


def test_one_row_per_approach_with_its_labels(module_engine: Engine) -> None:
    rows = _windows(module_engine, {"a": _two_circuits(speed_kt=80), "b": _two_circuits()})
    assert rows[["session_id", "approach"]].to_numpy().tolist() == [["a", 1], ["a", 2], ["b", 1], ["b", 2]]
    assert rows["is_stable"].tolist() == [False, True, True, True]
    assert rows["is_known"].to_numpy().all()
    of_true_airspeed = ("tail_wind_kt", "wind_change_kt")  # which these sessions do not record
    assert not rows.loc[:, [name for name in FEATURES if name not in of_true_airspeed]].isna().to_numpy().any()


def test_nothing_from_the_gate_on_reaches_the_features(module_engine: Engine) -> None:
    samples = _two_circuits()
    before = _windows(module_engine, {"a": samples})
    changed = samples.assign(session_id="a", is_upset=False)
    after_gate = changed["second"] >= int(before["gate_second"].tolist()[1])
    changed.loc[after_gate, list(CHANNELS)] = 7.0
    after = _windows(module_engine, {"a": samples}, seconds=changed)
    pd.testing.assert_frame_equal(before.iloc[[1]][list(FEATURES)], after.iloc[[1]][list(FEATURES)])
    # And the test can fail: a change in the window is seen.
    changed.loc[changed["second"] == int(before["gate_second"].tolist()[1]) - 2, "indicated_airspeed_kt"] = 99.0
    seen = _windows(module_engine, {"a": samples}, seconds=changed)
    assert seen["speed_excess_kt_mean5"][1] - before["speed_excess_kt_mean5"][1] == pytest.approx(
        (99 - 65) / 5, abs=0.1
    )


def test_a_missing_channel_is_null_in_its_features_and_leaves_the_others(module_engine: Engine) -> None:
    whole = _two_circuits()
    blanked = whole.assign(pitch_deg=np.nan, engine_rpm=np.nan)
    rows = _windows(module_engine, {"a": whole, "b": blanked})
    pitch = [name for name in FEATURES if name.startswith(("pitch_", "engine_"))]
    others = [name for name in FEATURES if name not in pitch]
    assert rows.loc[rows["session_id"] == "b", pitch].isna().all().all()
    first, second = (rows.query(f"session_id == {one!r}").loc[:, others].reset_index(drop=True) for one in "ab")
    pd.testing.assert_frame_equal(first, second)


def test_without_airspeed_or_before_a_gap_nothing_is_foreseen(module_engine: Engine) -> None:
    whole = _two_circuits()
    gate = int(_windows(module_engine, {"a": whole})["gate_second"].tolist()[0])
    gap = whole.copy()
    gap.loc[gap["second"].between(gate - 15, gate - 1), list(CHANNELS)] = np.nan
    rows = _windows(module_engine, {"a": gap, "b": whole.assign(indicated_airspeed_kt=np.nan)})
    assert rows["is_known"].tolist() == [False, True, False, False]


def test_a_session_gives_the_same_features_alone_and_among_others(module_engine: Engine) -> None:
    one, other = _two_circuits(speed_kt=72), _two_circuits(sink_fpm=900)
    together = _windows(module_engine, {"a": one, "b": other})
    alone = _windows(module_engine, {"b": other})
    columns = ["approach", *LABELS, *FEATURES]
    expected = together.query("session_id == 'b'").loc[:, columns].reset_index(drop=True)
    pd.testing.assert_frame_equal(expected, alone[columns])


def test_the_window_may_begin_before_the_session(module_engine: Engine) -> None:
    samples = FlownSession(700, 65).final().full_stop().samples()
    (known,) = _windows(module_engine, {"a": samples})["is_known"].tolist()
    assert known
    assert samples["second"].max() > WINDOW_S
