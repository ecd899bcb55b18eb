"""A worker that is killed while it stores corrections: no row is lost or doubled, and each file has one answer."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from pipelines.customers.correcting import correct
from pipelines.engines.engine import Engine
from pipelines.settings import EngineName, Settings
from pipelines.tables.contracts.customers import corrections_contract
from pipelines_tests.customers.conftest import CustomerFolder
from pipelines_tests.customers.killed_corrections import correct_killed
from pipelines_tests.customers.review_rows import SCHEMA


def _said(acme: CustomerFolder, name: str, *starts: int) -> str:
    rows = [{"kind": "maneuver", "from": start, "to": start + 5, "label": "climb"} for start in starts]
    (acme.root / "inbox" / name).write_text(json.dumps({"session": "lesson 7.csv", "corrections": rows}))
    return name


@pytest.mark.slow
@pytest.mark.embedded_engine("a second JVM over a local folder takes half a minute and shows nothing else")
def test_corrections_of_a_killed_worker_are_stored_and_answered_once(
    analysed: Engine, settings: Settings, acme: CustomerFolder, tmp_path: Path, engine_name: EngineName
):
    names = [_said(acme, "a.corrections.json", 10, 20), _said(acme, "b.corrections.json", 20, 30)]
    tell = "pipelines.customers.correcting#tell:before"

    def starts() -> list[int]:
        analysed.refresh(corrections_contract(SCHEMA).name)
        stored = analysed.table(corrections_contract(SCHEMA).name).select("start_second").toArrow()
        return sorted(stored.column("start_second").to_pylist())

    assert correct_killed(engine_name, tmp_path, f"{tell}:1", names) == -signal.SIGKILL
    assert starts() == [10, 20], "stored, and nobody was told"
    assert not acme.status_file(names[0]).exists()

    assert correct_killed(engine_name, tmp_path, f"{tell}:2", names) == -signal.SIGKILL
    assert starts() == [10, 20, 30]
    first = acme.status_file(names[0]).read_bytes()
    assert acme.status(names[0]).state == "done"
    assert not acme.status_file(names[1]).exists()

    found = correct(analysed, settings, "acme", names, shares=True, batch="batch")
    assert starts() == [10, 20, 30], "what both files say is one correction"
    assert acme.status_file(names[0]).read_bytes() == first
    assert [(one.state, sum(each.corrections for each in one.recorded)) for one in found.answers] == [("done", 2)] * 2
    [shared] = found.shared
    assert [row["start_second"] for row in sorted(shared["corrections"], key=lambda row: row["start_second"])] == [
        10, 20, 30,
    ], "what died untold is told to be shared"  # fmt: skip
