"""The sensor over inboxes in a bucket, on a real S3 API: what it accepts and answers, how many it looks at."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Barrier
from typing import Any, cast

import dagster as dg
import pytest

from pipelines.customers import inbox
from pipelines.customers.files import CustomerFiles
from pipelines.customers.status import Status
from pipelines.environments import settings_from
from pipelines.landing.uploads import LandedFile, LandingUnavailableError
from pipelines.sensors import customer_requests
from pipelines.sensors.inbox_listings import AT_ONCE, listings
from pipelines_tests.landing.conftest import BucketZone, bucket_zone, s3, server
from pipelines_tests.sensors.inboxes import Inboxes, names_in

__all__ = ["bucket_zone", "s3", "server"]  # fixtures


class BucketInboxes(Inboxes):
    """Customers whose zone is a bucket, and ticks."""

    def __init__(self, zone: BucketZone, home: Path, instance: dg.DagsterInstance) -> None:
        variables = {"PIPELINES_HOME": str(home), "PIPELINES_CUSTOMERS": str(zone.address)}
        super().__init__(settings_from(variables, "production"), instance)
        self.zone = zone

    def asks(self, customer: str, name: str, *sessions: str) -> None:
        self.instance.add_dynamic_partitions("customers", [customer])
        self.zone.write(f"{customer}/inbox/{name}", json.dumps({"sessions": list(sessions)}).encode())

    def answer(self, customer: str, name: str) -> Status:
        return Status.model_validate_json(self.zone.read(f"{customer}/inbox/{name.removesuffix('.json')}.status.json"))


@pytest.fixture
def world(
    bucket_zone: BucketZone, tmp_path: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> BucketInboxes:
    """No customers yet, and a sensor that remembers nothing."""
    monkeypatch.setattr(customer_requests, "_memory", None)
    return BucketInboxes(bucket_zone, tmp_path / "home", instance)


def test_a_request_in_a_bucket_becomes_a_run_once_its_session_is_there(world: BucketInboxes):
    world.asks("acme", "a.json", "day/flight.csv")
    assert world.tick() == []
    assert "Session file 'day/flight.csv' is not in your sessions folder" in world.said
    assert world.answer("acme", "a.json").state == "accepted"
    world.zone.write("acme/sessions/day/flight.csv")
    [run] = world.tick()
    assert (run.partition_key, names_in(run)) == ("acme", ["a.json"]), "an object is there whole"
    world.run(run, dg.DagsterRunStatus.STARTED)
    told = world.answer("acme", "a.json")
    assert (told.state, told.attempts) == ("accepted", 1)
    assert world.tick() == [], "it is asked for once"


def test_a_malformed_request_in_a_bucket_is_answered_and_keeps_nobody_waiting(
    world: BucketInboxes, monkeypatch: pytest.MonkeyPatch
):
    world.asks("birch", "b.json", "0123456789abcdef")
    world.instance.add_dynamic_partitions("customers", ["acme"])
    world.zone.write("acme/inbox/half.json", b'{"sessions": [')
    world.zone.write("acme/inbox/later.json.part", b'{"sessions": [')
    [run] = world.tick()
    assert run.partition_key == "birch"
    world.run(run, dg.DagsterRunStatus.STARTED)
    with pytest.raises(Exception, match="NoSuchKey"):
        world.answer("acme", "half.json")  # its uploader may put the whole of it there in a moment
    monkeypatch.setattr(inbox, "SETTLING_SECONDS", 0.0)
    assert world.tick() == []
    told = world.answer("acme", "half.json")
    assert (told.state, "no JSON" in str(told.why)) == ("failed", True)
    with pytest.raises(Exception, match="NoSuchKey"):
        world.answer("acme", "later.json.part")


def test_sixty_customers_in_a_bucket_are_looked_at_in_one_tick(world: BucketInboxes):
    customers = [f"customer_{number:02}" for number in range(60)]
    world.instance.add_dynamic_partitions("customers", customers)
    asking = [customers[0], customers[31], customers[-1]]
    for customer in asking:
        world.asks(customer, "a.json", "0123456789abcdef")
    assert [run.partition_key for run in world.tick()] == asking
    assert world.cursor == customers[-1]


@dataclass(frozen=True)
class SlowFiles:
    """Files that are listed only while as many others are."""

    others: Barrier
    problem: Exception | None = None

    def listed(self, folder: str) -> Sequence[LandedFile]:
        self.others.wait(10)
        if self.problem is not None:
            raise self.problem
        return [LandedFile(f"{folder}/a.json", "1-1", 1, "s3://a/b")]


def test_inboxes_in_a_bucket_are_listed_side_by_side_and_one_at_fault_is_told_alone():
    others = Barrier(AT_ONCE)
    names = [f"c{number}" for number in range(2 * AT_ONCE)]
    files: dict[str, Any] = {name: SlowFiles(others) for name in names}
    files["c3"] = SlowFiles(others, LandingUnavailableError("no answer"))
    told: dict[str, str] = {}
    for customer, listing in listings(cast("dict[str, CustomerFiles]", files), names, AT_ONCE):
        try:
            told[customer] = listing()[0].file_path
        except LandingUnavailableError as error:
            told[customer] = str(error)
    assert told == {name: "no answer" if name == "c3" else "inbox/a.json" for name in names}
    assert list(told) == names, "in their turn"
