"""Adding a format is adding one file, and the document about it is true."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import yaml

from pipelines.flight.formats import QuarantineCode, adapters, read_session
from pipelines.flight.formats.column_map import TIME_KINDS, read_column_map
from pipelines_tests.flight.formats.made_flight import garmin_log

DOCUMENT = Path(__file__).parents[3] / "docs" / "adding-a-session-format.md"


@pytest.fixture
def adapter_folder(tmp_path, monkeypatch):
    """A further folder in which adapters are looked for."""
    monkeypatch.setattr(adapters, "__path__", [*adapters.__path__, str(tmp_path)])
    adapters.adapters.cache_clear()
    yield tmp_path
    adapters.adapters.cache_clear()
    sys.modules.pop("pipelines.flight.formats.adapters.dictated", None)


def test_an_adapter_is_found_by_being_there(adapter_folder, flight):
    (adapter_folder / "dictated.py").write_text(
        textwrap.dedent("""
        import numpy as np
        from pipelines.flight.formats.session import RawSession
        PRIORITY = 20

        def recognises(source, maps):
            return source.text.startswith(b"DICTATED")

        def read(source, maps):
            height_m, speed_mps = flight["altitude_msl_ft"] * 0.3048, flight["ground_speed_kt"] / 3600 * 1852
    columns = (height_m, speed_mps, -np.radians(flight["roll_deg"]))
    lines = ["Time\tHeight\tSpeed\tRoll"]
    for second, (height, speed, roll) in enumerate(zip(*columns, strict=True)):
        lines.append(f"2024-07-20 17:{second // 60:02d}:{second % 60:02d}\t{height:.2f}\t{speed:.3f}\t{roll:.4f}")
    session = read_session("p.tsv", "\n".join([*lines, ""]).encode(), path)
    assert session.started_at is not None
    assert session.started_at.isoformat() == "2024-07-20T15:00:00+00:00"
    assert np.allclose(session.samples["roll_deg"], flight["roll_deg"], atol=0.01)


def test_importing_the_formats_is_light():
    code = (
        "import sys, pipelines.flight.formats; heavy = {'pandas', 'pyarrow', 'pyspark', 'dagster', 'mlflow', 'yaml',"
        " 'sklearn', 'jsbsim', 'matplotlib'} & set(sys.modules); print(sorted(heavy))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=DOCUMENT.parents[1]
    )
    assert done.stdout.strip() == "[]"
