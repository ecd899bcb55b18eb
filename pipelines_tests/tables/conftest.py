"""Fixtures of the table tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines_tests.tables.landing_zone import LandingZone


@pytest.fixture
def landing(tmp_path: Path) -> LandingZone:
    """An empty landing zone."""
    return LandingZone(tmp_path / "landing")
