"""The releases of a location on its own tables and registry, and two processes that move at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.engines.engine import Engine
from pipelines.environments import settings_from
from pipelines.releases.audit import AuditTable
from pipelines.releases.audit_findings import contradictions, edits
from pipelines.releases.entry import By
from pipelines.releases.site import audit_contract, open_releases
from pipelines.training.registry import version_of_alias
from pipelines_tests.releases.registered import identity, production, registered_version

BY = By("run", "release")
COMMITS = ["a" * 40, "b" * 40]
MODELS = ("x", "y")

_OTHER_PROCESS = """
import sys
from pathlib import Path
from pipelines.engines import open_engine
from pipelines.environments import settings_from
from pipelines.releases.entry import By
from pipelines.releases.site import open_releases

home, name = sys.argv[1:]
settings = settings_from({"PIPELINES_HOME": home}, "production")
releases = open_releases(open_engine("sail", settings.tables), settings)
for number in range(5):
    releases.approve("a" * 40, ["x", "y"], By(name, f"approval {number}"))
    releases.quarantine(f"{name}-trial-{number}".encode().hex(), By(name, "trial"))
"""


def test_each_location_has_an_audit_of_its_own() -> None:
    names = [str(audit_contract(settings_from({}, where)).name) for where in ("production", "development")]
    assert names == ["prod.ops.release_audit", "dev.ops.release_audit"]


@pytest.mark.slow
def test_processes_at_once_take_turns(engine: Engine, tmp_path: Path) -> None:
    site = production(tmp_path)
    releases = open_releases(engine, site)
    for number, commit in enumerate(COMMITS, start=1):
        assert [registered_version(site, identity(model, commit)) for model in MODELS] == [number, number]
        releases.request(commit, MODELS, BY)
        releases.promote(commit, dict.fromkeys(MODELS, number), BY)
    others = [
        subprocess.Popen([sys.executable, "-c", _OTHER_PROCESS, str(tmp_path), name], stderr=subprocess.PIPE)
        for name in ("Ana", "Bo")
    ]
    for other in others:
        _, said = other.communicate(timeout=300)
        assert other.returncode == 0, said.decode()[-2000:]
    record = releases.rollback(BY)
    assert contradictions(record) == []
    assert edits(AuditTable(engine)) == []
    assert [entry.sequence for entry in record.entries if entry.model == "x"] == list(range(1, 4 + 20 + 1 + 1))
    assert {plan.revision for plan in record.plans.values()} == {2 + 10 + 1}
    assert [version_of_alias(site, model, "champion") for model in MODELS] == [1, 1]
