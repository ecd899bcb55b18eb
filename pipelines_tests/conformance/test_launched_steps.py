"""Steps that the launcher runs on a cluster of Apache Spark write what the embedded engine writes in this process."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.engines import open_engine
from pipelines_tests.conformance.flow import make_day
from pipelines_tests.end_to_end.environment import DAY, contents, environment_in, finish, start_dagster, upload_sessions

pytestmark = [pytest.mark.slow, pytest.mark.both_engines]


@pytest.mark.skipif("config.getoption('engine') != 'apache_spark'", reason="for `make test-spark`")
def test_a_second_kind_of_cluster_gives_equal_tables(tmp_path: Path):
    with environment_in(tmp_path / "home", "conformance") as settings:
        upload_sessions(settings, count=2)
        selection = "group:bronze or group:silver or key:main/gold/flight_samples"
        options = ("--select", selection, "--partition", DAY.isoformat())
        finish(start_dagster(settings, "asset", "materialize", *options), limit_s=1400)
        assert isinstance(settings.landing, Path)
        engine = open_engine("sail", tmp_path / "warehouse")
        make_day(engine, settings.landing, DAY)
        engine.stop()
        launched, embedded = contents(settings.tables), contents(tmp_path / "warehouse")
    assert {"main.bronze.session_files", "main.silver.samples", "main.gold.flight_samples"} <= set(launched)
    assert launched == {name: rows for name, rows in embedded.items() if name in launched}
