"""From a bucket to silver: the sensor asks for the day's run, which gives what a folder would have given."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from pipelines.engines.engine import Engine
from pipelines.environments import settings_from
from pipelines.landing_access import landing_access
from pipelines.sensors import landing as sensor
from pipelines.settings import Settings
from pipelines.tables import session_batch, session_ingestion
from pipelines.tables.contracts import ANNOTATION_FILES, ANNOTATIONS, SAMPLES, SESSION_FILES, SILVER_SESSIONS
from pipelines.tables.ingestion import ingest_annotations, ingest_sessions
from pipelines.tables.landed_files import list_landed
from pipelines_tests.conftest import NewEngine
from pipelines_tests.landing.bucket_server import BucketZone
from pipelines_tests.landing.wire import wire_to
from pipelines_tests.tables.landing_zone import DAY, LandingZone, rows, session_bytes

TABLES = (SESSION_FILES, SILVER_SESSIONS, SAMPLES, ANNOTATION_FILES, ANNOTATIONS)
LABELS = [("a.csv", 10.0, 60.0, "climb", "AB"), ("sub/ü b.csv", 3.0, 4.0, "upset", "AB")]


@pytest.fixture
def settings(bucket_zone: BucketZone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(sensor, "SETTLING_SECONDS", 0)
    return settings_from({"PIPELINES_HOME": str(tmp_path / "home"), "PIPELINES_LANDING": str(bucket_zone.address)})


def _tick(settings: Settings, cursor: str | None = None) -> dg.SensorResult:
    resources = {"settings": settings, "landing": landing_access(settings.landing)}
    result = sensor.landing_zone(dg.build_sensor_context(cursor=cursor, resources=resources))
    assert isinstance(result, dg.SensorResult)
    return result


def _fill(folder: LandingZone, bucket: BucketZone) -> None:
    """The same uploads in both: sessions, a copy, a bad file, and labels."""
    for name, seed in (("a.csv", 1), ("sub/ü b.csv", 2), ("sub/copy.csv", 1), ("bad.csv", b"")):
        file = folder.session(name, seed)
        bucket.write(f"sessions/{DAY}/{name}", file.read_bytes())
    file = folder.annotations("day.csv", LABELS)
    bucket.write(f"annotations/{DAY}/day.csv", file.read_bytes())
    bucket.write(f"sessions/{DAY}/", b"")


def _comparable(engine: Engine) -> dict[str, list[dict[str, str]]]:
    """Every row of every table, but for what tells when and as which version the file was written."""
    return {
        str(contract.name): [
            {name: str(row[name]) for name in contract.stable_columns if name != "file_version"}
            for row in rows(engine, contract)
        ]
        for contract in TABLES
    }


def test_an_upload_reaches_silver_as_from_a_folder(
    engine: Engine, new_engine: NewEngine, bucket_zone: BucketZone, settings: Settings, tmp_path: Path
):
    folder = LandingZone(tmp_path / "folder")
    _fill(folder, bucket_zone)
    first = _tick(settings)
    assert [request.partition_key for request in first.run_requests or []] == [DAY.isoformat()]
    sizes = {event.asset_key.path[-1]: event.metadata["files"].value for event in first.asset_events}
    assert sizes == {"sessions": 4, "annotations": 1}
    assert not _tick(settings, first.cursor).run_requests

    day = date.fromisoformat(DAY.isoformat())
    report = ingest_sessions(engine, settings.landing, day, "run")
    assert report.counts == {"accepted": 2, "duplicate": 1, "quarantined": 1, "deferred": 0}
    assert ingest_annotations(engine, settings.landing, day, "run").row_count == 2
    other = new_engine(tmp_path / "other" / "warehouse")
    ingest_sessions(other, folder.folder, day, "run")
    ingest_annotations(other, folder.folder, day, "run")
    assert _comparable(engine) == _comparable(other)
    assert ingest_sessions(engine, settings.landing, day, "again").known == 4
    assert ingest_annotations(engine, settings.landing, day, "again").known == 1


def test_late_and_overwritten_objects_are_taken_in(engine: Engine, bucket_zone: BucketZone, settings: Settings):
    bucket_zone.write(f"sessions/{DAY}/a.csv", session_bytes(1))
    first = _tick(settings)
    ingest_sessions(engine, settings.landing, DAY, "run")
    bucket_zone.write(f"sessions/{DAY}/late.csv", session_bytes(2))
    bucket_zone.write(f"sessions/{DAY}/a.csv", session_bytes(3))
    second = _tick(settings, first.cursor)
    assert [request.partition_key for request in second.run_requests or []] == [DAY.isoformat()]
    assert {request.run_key for request in first.run_requests or []} != {
        request.run_key for request in second.run_requests or []
    }
    report = ingest_sessions(engine, settings.landing, DAY, "run")
    assert (report.listed, report.known, report.accepted) == (2, 0, 2)
    entries = rows(engine, SESSION_FILES)
    assert [entry["file_path"].rpartition("/")[2] for entry in entries] == ["a.csv", "a.csv", "late.csv"]
    assert {entry["status"] for entry in entries} == {"accepted"}


def test_an_object_overwritten_between_listing_and_reading_waits_for_its_next_version(
    engine: Engine, bucket_zone: BucketZone, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    bucket_zone.write(f"sessions/{DAY}/a.csv", session_bytes(1))
    bucket_zone.write(f"sessions/{DAY}/b.csv", session_bytes(2))
    listed = list_landed(settings.landing / "sessions", DAY)
    bucket_zone.write(f"sessions/{DAY}/a.csv", session_bytes(3))
    with monkeypatch.context() as patch:
        patch.setattr(session_ingestion, "list_landed", lambda *_: listed)
        ingest_sessions(engine, settings.landing, DAY, "run")
    ledger = {entry["file_path"].rpartition("/")[2]: entry for entry in rows(engine, SESSION_FILES)}
    assert (ledger["a.csv"]["reason_code"], ledger["b.csv"]["status"]) == ("growing", "accepted")
    assert ingest_sessions(engine, settings.landing, DAY, "run").accepted == 1


@pytest.mark.parametrize("step", ["digest_files", "append_samples", "explain_refusals"])
def test_a_bucket_that_fails_in_the_middle_fails_the_run_and_condemns_no_file(
    engine: Engine, bucket_zone: BucketZone, settings: Settings, monkeypatch: pytest.MonkeyPatch, step: str
):
    bucket_zone.write(f"sessions/{DAY}/a.csv", session_bytes(1))
    bucket_zone.write(f"sessions/{DAY}/bad.csv", b"")
    real = getattr(session_batch, step)
    with wire_to(bucket_zone.client.meta.endpoint_url) as wire, monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", wire.endpoint)

        def broken(*arguments: object):
            wire.faults = [("GET", "slow down")] * 50
            return real(*arguments)

        patch.setattr(session_batch, step, broken)
        with pytest.raises(Exception, match="S3 asks to slow down"):
            ingest_sessions(engine, settings.landing, DAY, "run")
    assert rows(engine, SESSION_FILES) == []
    report = ingest_sessions(engine, settings.landing, DAY, "again")
    assert report.counts == {"accepted": 1, "duplicate": 0, "quarantined": 1, "deferred": 0}
    assert engine.table(SAMPLES.name).count() == report.row_count


def test_labels_are_not_condemned_for_the_bucket_either(
    engine: Engine, bucket_zone: BucketZone, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    from pipelines.tables import annotation_ingestion

    labels = LandingZone(tmp_path / "folder").annotations("day.csv", LABELS)
    bucket_zone.write(f"annotations/{DAY}/day.csv", labels.read_bytes())
    real = annotation_ingestion._read
    with wire_to(bucket_zone.client.meta.endpoint_url) as wire, monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", wire.endpoint)

        def broken(*arguments: object):
            wire.faults = [("GET", "slow down")] * 50
            return real(*arguments)  # type: ignore[arg-type]

        patch.setattr(annotation_ingestion, "_read", broken)
        with pytest.raises(Exception, match="S3 asks to slow down"):
            ingest_annotations(engine, settings.landing, DAY, "run")
    assert ingest_annotations(engine, settings.landing, DAY, "again").accepted == 1


def test_a_bucket_that_cannot_be_listed_fails_the_tick(bucket_zone: BucketZone, settings: Settings):
    bucket_zone.client.delete_bucket(Bucket=bucket_zone.address.bucket)
    with pytest.raises(Exception, match=rf"bucket '{bucket_zone.address.bucket}'.*no such bucket"):
        _tick(settings)


def test_strays_are_told_and_block_nothing(bucket_zone: BucketZone, settings: Settings):
    bucket_zone.write_many(f"sessions/stray-{number:03d}.csv" for number in range(100))
    bucket_zone.write_many([f"sessions/{DAY}/a.csv"])
    alone = _tick(settings)
    assert [request.partition_key for request in alone.run_requests or []] == [DAY.isoformat()]
    again = str(_tick(settings, alone.cursor).skip_reason)
    assert f"{bucket_zone.address}/sessions/stray-000.csv is no upload day: move it into" in again
    assert "95 more names like these" in again
