"""Blanked copies of training sessions."""

from __future__ import annotations

import pandas as pd

from pipelines.engines.engine import Engine
from pipelines.models.manifest import load_manifests
from pipelines.training.dropout import blanked_channels, with_blanked_copies

MANIFEST = load_manifests()["maneuver_classifier"]
IDS = [f"{number:016x}" for number in range(300)]


def test_one_of_each_required_set_is_kept() -> None:
    for session_id in IDS:
        blanked = set(blanked_channels(MANIFEST, session_id, 1))
        assert all(set(names) - blanked for names in MANIFEST.required_channels)


def test_each_optional_channel_is_blanked_about_as_often_as_asked_for() -> None:
    drawn = [blanked_channels(MANIFEST, session_id, 1) for session_id in IDS]
    for channel in MANIFEST.optional_channels:
        share = sum(channel in blanked for blanked in drawn) / len(IDS)
        assert 0.2 < share < 0.4, channel
    assert drawn == [blanked_channels(MANIFEST, session_id, 1) for session_id in IDS]
    assert drawn != [blanked_channels(MANIFEST, session_id, 2) for session_id in IDS]


def test_copies_stand_beside_their_untouched_originals(engine: Engine) -> None:
    spark = engine.spark
    chosen = next(one for one in IDS if "pitch_deg" in blanked_channels(MANIFEST, one, 1))
    values = dict.fromkeys(MANIFEST.channels, 1.0)
    samples = pd.DataFrame([{"session_id": one, "second": 0, **values} for one in (chosen, "other")])
    sessions = pd.DataFrame({"session_id": [chosen, "other"], "aircraft_type": ["c172p", "c172p"]})
    gold = {"sessions": spark.createDataFrame(sessions), "flight_samples": spark.createDataFrame(samples)}

    widened = with_blanked_copies(spark, gold, MANIFEST, [chosen])

    assert sorted(row["session_id"] for row in widened["sessions"].collect()) == sorted(
        [chosen, f"{chosen}~1", "other"]
    )
    rows = {row["session_id"]: row.asDict() for row in widened["flight_samples"].collect()}
    assert all(rows[chosen][name] == 1.0 for name in MANIFEST.channels)
    blanked = blanked_channels(MANIFEST, chosen, 1)
    copy = rows[f"{chosen}~1"]
    assert {name for name in MANIFEST.channels if copy[name] is None} == set(blanked)
    assert copy["second"] == 0
