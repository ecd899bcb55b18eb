"""Fixtures of the customers' tests: a production environment with one customer, whose folder tests put files into."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from pipelines.customers.status import Status
from pipelines.engines.engine import Engine
from pipelines.environments import settings_from
from pipelines.settings import Settings
from pipelines.tables.arrow_rows import rows_to_frame
from pipelines.tables.contract_guard import ensure_tables
from pipelines.tables.contracts.customers import analysis_contract, judgements_contract, sessions_contract
from pipelines.training.registry import connect
from pipelines_tests.customers.review_rows import SCHEMA, finding, judgement_rows, session_row
from pipelines_tests.customers.small_models import SmallModels, champion
from pipelines_tests.flight.formats.made_flight import garmin_log, made_flight


class CustomerFolder:
    """A customer's folder, with what the customer does to it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("sessions", "inbox", "reviews"):
            (root / name).mkdir(parents=True)

    def session(self, name: str, seconds: int = 600, seed: int = 1) -> str:
        """Put a made-up flight of so many seconds there; its name."""
        file = self.root / "sessions" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(garmin_log(made_flight(seconds=seconds + 1, seed=seed)))
        return name

    def id_of(self, name: str) -> str:
        """The id of the session that lies there under that name."""
        return sha256((self.root / "sessions" / name).read_bytes()).hexdigest()[:16]

    def request(self, name: str, *sessions: str, **more: Any) -> str:
        """Put a request there; its name."""
        (self.root / "inbox" / name).write_text(json.dumps({"sessions": list(sessions), **more}))
        return name

    def status(self, name: str) -> Status:
        """The answer to a request."""
        return Status.model_validate_json(self.status_file(name).read_bytes())

    def status_file(self, name: str) -> Path:
        return self.root / "inbox" / f"{name.removesuffix('.json')}.status.json"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The production location over the tables of `engine`."""
    return settings_from({"PIPELINES_HOME": str(tmp_path)}, "production")


@pytest.fixture
def acme(settings: Settings) -> CustomerFolder:
    assert isinstance(settings.customers, Path)
    return CustomerFolder(settings.customers / "acme")


@pytest.fixture(scope="session")
def empty_registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a registry that was laid out once: that takes seconds, a copy does not."""
    home = tmp_path_factory.mktemp("registry")
    connect(settings_from({"PIPELINES_HOME": str(home)}, "production"))
    return home / "mlflow"


@pytest.fixture
def models(
    tmp_path: Path, engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch, empty_registry: Path
) -> SmallModels:
    shutil.copytree(empty_registry, settings.home / "mlflow", dirs_exist_ok=True)
    return SmallModels(tmp_path / "models", engine, settings, monkeypatch)


@pytest.fixture
def fast(models: SmallModels) -> SmallModels:
    """One released model, `small_fast`, whose version 1 serves."""
    models.serve({"small_fast": champion(models.version(models.add("small_fast")))})
    return models


@pytest.fixture
def analysed(engine: Engine) -> Engine:
    """A session that version 3 has judged, and version 2 before it."""
    new = [
        finding("maneuver_classifier", 1, "maneuver_segments", start_second=0, end_second=65, label="turn", score=0.5),
        finding("maneuver_classifier", 2, "maneuver_segments", start_second=66, end_second=90, label="climb"),
        finding("maneuver_classifier", 3, "maneuver_segments", start_second=91, end_second=99, label="cruise"),
    ]
    old = finding("maneuver_classifier", 1, "maneuver_segments", start_second=0, end_second=99, label="stall")
    judged = judgement_rows("maneuver_classifier", "upset_detector").to_dict("records")
    earlier = judgement_rows("maneuver_classifier", model_version=2).to_dict("records")
    earlier[0]["analysed_at"] -= timedelta(days=1)
    contents = [
        (sessions_contract(SCHEMA), [session_row()]),
        (analysis_contract(SCHEMA), [*new, old | {"model_version": 2}]),
        (judgements_contract(SCHEMA), [*judged, *earlier]),
    ]
    for contract, content in contents:
        ensure_tables(engine, contract)
        engine.append(contract.name, rows_to_frame(engine, contract, content))  # type: ignore[arg-type]
    return engine
