"""What the hourly check is told of git: where the branch is and which models it has, or why nobody knows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import dagster as dg

from pipelines.assets.release_check import STEP
from pipelines.environments import settings_from
from pipelines.releases.branch import mirror_of
from pipelines.sensors.release_schedule import release_check_schedule
from pipelines_tests.releases.git.origin import MODEL, Origin


def test_the_branch_is_read_where_it_is_now_and_silence_is_told(tmp_path: Path):
    origin = Origin(tmp_path)
    first = origin.commit(MODEL)
    variables = {"PIPELINES_HOME": str(tmp_path / "home"), "PIPELINES_GIT": str(origin.bare)}
    settings = settings_from(variables, "production")

    def branch(url: str | None = None) -> dict[str, object]:
        """What the run that is asked for is configured with."""
        given = replace(settings, git=replace(settings.git, url=url)) if url else settings
        request = release_check_schedule()(dg.build_schedule_context(resources={"settings": given}))
        assert isinstance(request, dg.RunRequest)
        return request.run_config["ops"][STEP]["config"]

    assert branch() == {"head": first, "models": ["glider"]}
    assert mirror_of(settings).repository.has(first)
    second = origin.commit({"pipelines/models/tug/model.yaml": "name: tug\n"})
    assert branch() == {"head": second, "models": ["glider", "tug"]}
    origin.back_to(first)
    assert branch() == {"head": first, "models": ["glider"]}
    silent = branch(str(tmp_path / "nowhere.git"))
    assert set(silent) == {"problem"}
    assert "nowhere.git" in str(silent["problem"])
