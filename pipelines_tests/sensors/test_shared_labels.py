"""The sensor that shares labels: what it puts into the landing zone, once, whatever happens, and what never."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from pipelines.assets.customers import CUSTOMER_CORRECTIONS, SHARED
from pipelines.environments import settings_from
from pipelines.landing.opening import uploads_at
from pipelines.sensors.shared_labels import shared_labels
from pipelines.settings import Settings
from pipelines_tests.landing.conftest import BucketZone, bucket_zone, s3, server

__all__ = ["bucket_zone", "s3", "server"]  # fixtures

SESSION = b"a log of a lesson"
ID = sha256(SESSION).hexdigest()[:16]


class World:
    """Customers' sessions, a landing zone, and ticks over Dagster's events."""

    def __init__(self, settings: Settings, instance: dg.DagsterInstance) -> None:
        assert isinstance(settings.customers, Path)
        assert isinstance(settings.landing, Path)
        self.settings, self.instance = settings, instance
        self.customers, self.landing = settings.customers, settings.landing
        self.cursor: str | None = None
        self.said = ""

    def session(self, customer: str, name: str, content: bytes = SESSION) -> Path:
        self.instance.add_dynamic_partitions("customers", [customer])
        file = self.customers / customer / "sessions" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return file

    def told(self, customer: str, *corrections: dict[str, Any], name: str = "acme.csv", session_id: str = ID) -> None:
        """As the step tells it that has stored corrections."""
        shared = [{"session_id": session_id, "file_name": name, "corrections": list(corrections)}]
        self._made(customer, shared if corrections else [])

    def _made(self, customer: str, shared: list[dict[str, Any]]) -> None:
        metadata = {SHARED: dg.MetadataValue.json(shared)}
        self.instance.report_runless_asset_event(
            dg.AssetMaterialization(CUSTOMER_CORRECTIONS, partition=customer, metadata=metadata)
        )

    def tick(self, cursor: str | None = None) -> None:
        context = dg.build_sensor_context(
            instance=self.instance, cursor=cursor or self.cursor, resources={"settings": self.settings}
        )
        result = shared_labels(context)
        assert isinstance(result, dg.SensorResult)
        self.cursor = result.cursor
        self.said = str(result.skip_reason.skip_message if result.skip_reason else "")

    def landed(self) -> list[str]:
        return sorted(str(file.relative_to(self.landing)) for file in self.landing.rglob("*") if file.is_file())

    def labels(self) -> list[str]:
        """The labels of all files of annotations, in the order of writing."""
        files = sorted(self.landing.glob("annotations/*/*.csv"), key=lambda file: file.stat().st_mtime_ns)
        return [line.split(",")[3] for file in files for line in file.read_text().splitlines()[1:]]


def correction(label: str | None, minute: int = 1, kind: str = "maneuver_segments") -> dict[str, Any]:
    return {
        "correction_id": f"{minute:016x}",
        "session_id": ID,
        "kind": kind,
        "start_second": 10,
        "end_second": 19,
        "label": label,
        "recorded_at": datetime(2026, 3, 1, 8, minute, tzinfo=UTC).isoformat(),
    }


@pytest.fixture
def world(tmp_path: Path, instance: dg.DagsterInstance) -> World:
    return World(settings_from({"PIPELINES_HOME": str(tmp_path / "home")}, "production"), instance)


def test_shared_corrections_come_with_their_session_once_and_without_a_name(world: World):
    world.session("acme", "acme.csv")
    world.tick()
    assert world.landed() == []
    world.told("acme", correction("climb"))
    before = world.cursor
    world.tick()
    today = datetime.now(UTC).date().isoformat()
    annotations, session = world.landed()
    assert session == f"sessions/{today}/{ID}.csv"
    assert annotations.startswith(f"annotations/{today}/{ID}-")
    assert (world.landing / session).read_bytes() == SESSION
    assert "acme" not in (world.landing / annotations).read_text()
    assert world.labels() == ["climb"]
    after = world.cursor
    world.tick(before)
    assert len(world.landed()) == 2, "a tick that died before its cursor was kept is repeated without a trace"
    assert world.cursor == after
    world.told("acme", correction("climb"), correction("turn", minute=2))
    world.tick()
    assert world.labels() == ["climb", "turn"]
    assert len(world.landed()) == 3


def test_nothing_is_shared_that_the_step_does_not_tell_or_that_is_no_label(world: World):
    world.session("acme", "acme.csv")
    world.told("acme")
    world.told("acme", correction("unstable", kind="approach_judgements"), correction(None, minute=2))
    world.tick()
    assert world.landed() == []


def test_a_session_that_is_gone_or_another_by_now_is_left_out(world: World):
    world.session("acme", "other.csv", b"another log")
    world.told("acme", correction("climb"), name="other.csv")
    world.told("acme", correction("climb"), name="gone.csv")
    world.told("acme", correction("climb"), name="../../birch/sessions/b.csv")
    world.session("birch", "b.csv", b"a log of another customer's")
    world.tick()
    assert world.landed() == []
    world.session("cedar", "acme.csv")
    world.told("cedar", correction("climb"))
    world.tick()
    assert len(world.landed()) == 2, "nobody waits for them"


def test_what_cannot_be_done_now_waits_in_order_and_keeps_nobody_else(world: World):
    away = world.session("acme", "acme.csv").parents[1].rename(world.customers / "not-mounted")
    world.told("acme", correction("climb"))
    world.told("acme", correction("climb"), correction("turn", minute=2))
    world.session("birch", "b.csv")
    world.told("birch", correction("descent"), name="b.csv")
    world.tick()
    assert world.labels() == ["descent"]
    assert world.said == "Added 2 files to the landing zone. 2 events wait."
    away.rename(world.customers / "acme")
    world.tick()
    assert world.labels() == ["descent", "climb", "turn"]
    assert "wait" not in world.said


def test_a_customer_who_has_left_shares_nothing(world: World):
    world.session("acme", "acme.csv")
    world.told("acme", correction("climb"))
    world.instance.delete_dynamic_partition("customers", "acme")
    world.tick()
    assert world.landed() == []


@pytest.mark.parametrize("words", [{"comment": "Acme's best"}, {"label": "Acme's climb"}, {"session_id": "acme"}])
def test_words_of_a_customer_do_not_pass_and_stop_nobody_else(world: World, words: dict[str, str]):
    world.session("acme", "acme.csv")
    world.told("acme", correction("climb") | words)
    world.session("birch", "b.csv")
    world.told("birch", correction("descent"), name="b.csv")
    world.tick()
    assert world.labels() == ["descent"]


def test_customers_and_landing_zone_in_buckets(tmp_path: Path, instance: dg.DagsterInstance, bucket_zone: BucketZone):
    at = str(bucket_zone.address)
    variables = {
        "PIPELINES_HOME": str(tmp_path),
        "PIPELINES_CUSTOMERS": f"{at}/customers",
        "PIPELINES_LANDING": f"{at}/landing",
    }
    settings = settings_from(variables, "production")
    bucket_zone.write("customers/acme/sessions/day/acme.csv", SESSION)
    instance.add_dynamic_partitions("customers", ["acme"])
    shared = [{"session_id": ID, "file_name": "day/acme.csv", "corrections": [correction("climb")]}]
    metadata = {SHARED: dg.MetadataValue.json(shared)}
    made = dg.AssetMaterialization(CUSTOMER_CORRECTIONS, partition="acme", metadata=metadata)
    instance.report_runless_asset_event(made)
    for _ in range(2):  # the second as after a crash
        context = dg.build_sensor_context(instance=instance, resources={"settings": settings})
        shared_labels(context)
    today = datetime.now(UTC).date().isoformat()
    assert bucket_zone.read(f"landing/sessions/{today}/{ID}.csv") == SESSION
    [annotations] = uploads_at(settings.landing / "annotations").files()
    content = bucket_zone.read(f"landing/annotations/{annotations.file_path}").decode()
    assert content.splitlines()[1].startswith(f"{ID}.csv,10,20,climb,customer,corrections until 2026-03-01 08:01:00")
