"""Steps that the launcher runs on a cluster of Apache Spark write what the embedded engine writes in this process."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.engines import open_engine
from pipelines.tables.contracts import BRONZE, GOLD, SILVER
from pipelines_tests.conformance.flow import make_day
from pipelines_tests.end_to_end.environment import DAY, contents, environment_in, finish, start_job, upload_sessions

pytestmark = pytest.mark.slow


@pytest.mark.usefixtures("engine_name")  # the environment `conformance` has that engine
def test_a_second_kind_of_cluster_gives_equal_tables(tmp_path: Path):
    with environment_in(tmp_path / "home", "conformance") as settings:
        upload_sessions(settings, count=2)
        finish(start_job(settings, "ingest"), limit_s=1400)
        assert isinstance(settings.landing, Path)
        engine = open_engine("sail", tmp_path / "warehouse")
        make_day(engine, settings.landing, DAY)
        engine.stop()
        launched, embedded = contents(settings.tables), contents(tmp_path / "warehouse")
    for contract in (*BRONZE, *SILVER, *GOLD):
        assert embedded[str(contract.name)]
        assert launched[str(contract.name)] == embedded[str(contract.name)], contract.name
