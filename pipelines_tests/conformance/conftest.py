"""These tests compare Apache Spark with the embedded engine: they exist only where both run (`make test-spark`)."""

from __future__ import annotations

from pathlib import Path

import pytest


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the folder out of runs on the embedded engine alone."""
    return True if config.getoption("--engine") != "apache_spark" else None
