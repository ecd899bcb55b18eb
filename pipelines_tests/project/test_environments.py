"""The one switch between environments."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from pipelines.environments import UnknownEnvironmentError, settings_from
from pipelines.resources import resources_for
from pipelines.settings import InvalidSettingError

ENVIRONMENTS = ("embedded", "conformance")


def test_the_default_is_the_embedded_environment_inside_the_project():
    settings = settings_from({})
    assert settings.environment == "embedded"
    assert settings.engine == "sail"
    assert settings.home.name == ".pipelines"


def test_an_unknown_environment_is_refused_with_the_known_ones():
    with pytest.raises(UnknownEnvironmentError, match=r"'staging'.*conformance, databricks, embedded"):
        settings_from({"PIPELINES_ENVIRONMENT": "staging"})


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_all_state_lies_below_the_home(environment: str, tmp_path: Path):
    settings = settings_from({"PIPELINES_ENVIRONMENT": environment, "PIPELINES_HOME": str(tmp_path)})
    landing = Path(str(settings.landing))
    paths = (landing, settings.tables, settings.work, settings.session_maps, settings.dagster_home)
    assert all(path.is_relative_to(tmp_path) for path in paths)
    assert str(tmp_path) in settings.tracking_uri


def test_the_landing_zone_can_lie_elsewhere(tmp_path: Path):
    settings = settings_from({"PIPELINES_HOME": str(tmp_path / "home"), "PIPELINES_LANDING": str(tmp_path / "zone")})
    assert settings.landing == tmp_path / "zone"


def test_the_landing_zone_can_be_a_bucket_and_is_checked():
    assert str(settings_from({"PIPELINES_LANDING": "s3://uploads/zone/"}).landing) == "s3://uploads/zone"
    with pytest.raises(InvalidSettingError, match=r"PIPELINES_LANDING: 's3:///zone' is neither .* s3://<bucket>"):
        settings_from({"PIPELINES_LANDING": "s3:///zone"})


def test_the_first_upload_day_is_read_and_checked():
    assert settings_from({"PIPELINES_FIRST_UPLOAD_DAY": "2019-05-01"}).first_upload_day == date(2019, 5, 1)
    with pytest.raises(InvalidSettingError, match=r"PIPELINES_FIRST_UPLOAD_DAY is 'May'"):
        settings_from({"PIPELINES_FIRST_UPLOAD_DAY": "May"})


def test_every_environment_offers_the_same_resources():
    offered = [set(resources_for(settings_from({"PIPELINES_ENVIRONMENT": name}))) for name in ENVIRONMENTS]
    assert offered == [{"engine", "landing", "settings", "step_launcher"}] * len(ENVIRONMENTS)
