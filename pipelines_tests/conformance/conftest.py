"""These tests compare Apache Spark with the embedded engine: they exist only where both run (`make test-spark`)."""

from __future__ import annotations

from pathlib import Path

import pytest

_NEEDS_NO_SPARK = ("__init__.py", "test_comparison.py")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave them out of runs on the embedded engine alone."""
    needs_spark = collection_path.is_file() and collection_path.name not in _NEEDS_NO_SPARK
    return True if needs_spark and config.getoption("--engine") != "apache_spark" else None
