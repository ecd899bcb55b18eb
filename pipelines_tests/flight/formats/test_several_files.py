"""Files that are read together are read as each of them alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.flight.formats import ColumnMapError, ParsedSession, QuarantineError, read_session, read_sessions
from pipelines_tests.flight.formats.made_flight import garmin_log, made_flight


def test_each_is_read_as_alone_and_what_is_wrong_with_one_is_its_own() -> None:
    logs = [garmin_log(made_flight(seconds=300, seed=seed)) for seed in (1, 2)]
    flood = garmin_log(made_flight(seconds=300) | {"heading_deg": made_flight(seconds=300)["heading_deg"] * 1e6})
    files = [("a/one.csv", logs[0]), ("empty.csv", b""), ("two.csv", logs[1]), ("far.csv", flood)]
    first, empty, second, far = read_sessions(files)
    for found, (name, content) in ((first, files[0]), (second, files[2])):
        alone = read_session(name, content)
        assert isinstance(found, ParsedSession)
        assert found.samples.equals(alone.samples)
        assert {**vars(found), "samples": None} == {**vars(alone), "samples": None}
    for found, (name, content) in ((empty, files[1]), (far, files[3])):
        with pytest.raises(QuarantineError) as alone:
            read_session(name, content)
        assert isinstance(found, QuarantineError)
        assert vars(found) == vars(alone.value)


def test_a_map_that_is_at_fault_is_no_files_fault(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("name: broken\n")
    with pytest.raises(ColumnMapError, match=r"broken\.yaml"):
        read_sessions([("one.csv", garmin_log(made_flight(seconds=300)))], tmp_path)
