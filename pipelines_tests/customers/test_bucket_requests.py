"""A customer whose files are in a bucket: asked, carried out and answered there."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest

from pipelines.customers.fulfilment import fulfil
from pipelines.customers.status import Status
from pipelines.engines.engine import Engine
from pipelines.environments import settings_from
from pipelines.tables.contract import TableName
from pipelines_tests.customers.small_models import SmallModels, champion
from pipelines_tests.flight.formats.made_flight import garmin_log, made_flight
from pipelines_tests.landing.conftest import BucketZone, bucket_zone, s3, server

__all__ = ["bucket_zone", "s3", "server"]  # fixtures
pytestmark = pytest.mark.slow


def test_a_request_in_a_bucket_is_answered_there(
    tmp_path: Path, engine: Engine, bucket_zone: BucketZone, monkeypatch: pytest.MonkeyPatch
):
    variables = {"PIPELINES_HOME": str(tmp_path), "PIPELINES_CUSTOMERS": str(bucket_zone.address)}
    settings = settings_from(variables, "production")
    models = SmallModels(tmp_path / "models", engine, settings, monkeypatch)
    models.serve({"small_fast": champion(models.version(models.add("small_fast")))})
    log = garmin_log(made_flight(seconds=601, seed=1))
    bucket_zone.write("acme/sessions/day/a.csv", log)
    bucket_zone.write("acme/inbox/one.json", json.dumps({"sessions": ["day/a.csv"]}).encode())
    bucket_zone.write("other/sessions/b.csv", log)

    fulfil(engine, settings, "acme", ["one.json"], None)

    told = Status.model_validate_json(bucket_zone.read("acme/inbox/one.status.json"))
    assert (told.state, told.sessions[0].session_id) == ("done", sha256(log).hexdigest()[:16])
    rows = engine.table(TableName("prod", "customer_acme", "analysis")).count()
    assert rows == told.models[0].findings == 6
