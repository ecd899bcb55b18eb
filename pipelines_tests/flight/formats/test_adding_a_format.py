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
            rows = [line.split() for line in source.text.decode().splitlines()[1:]]
            numbers = np.array([[float(word) for word in row] for row in rows])
            values = {"altitude_msl_ft": numbers[:, 1].copy(), "indicated_airspeed_kt": numbers[:, 2].copy()}
            columns = {channel: channel for channel in values}
            return RawSession("dictated", None, None, numbers[:, 0], False, values, columns)
        """)
    )
    lines = [f"{second} {1000 + second} {90 + second % 3}" for second in range(60)]
    session = read_session("said.txt", ("DICTATED\n" + "\n".join(lines) + "\n").encode())
    assert session.source_format == "dictated"
    assert session.samples["altitude_msl_ft"].to_list() == [1000.0 + second for second in range(60)]
    assert read_session("log.csv", garmin_log(flight)).source_format == "garmin"


def test_document_lists_every_code_and_clock():
    text = DOCUMENT.read_text()
    assert [code.value for code in QuarantineCode if f"`{code.value}`" not in text] == []
    assert [kind for kind in TIME_KINDS if f"`{kind}`" not in text] == []


def test_the_documents_map_is_a_valid_one_that_reads_a_file(tmp_path, flight):
    example = DOCUMENT.read_text().split("```yaml\n")[1].split("```")[0]
    path = tmp_path / "phone.yaml"
    path.write_text(example)
    assert read_column_map(path).name == yaml.safe_load(example)["name"] == "phone_logger"
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
