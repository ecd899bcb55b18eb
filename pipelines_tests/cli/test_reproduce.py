"""Which commit a version is of, as Dagster keeps it, and what is said where nobody knows."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner

from pipelines.cli.release import release
from pipelines.cli.reproduce import CommitIsGoneError, UnknownVersionError, commit_of_version, require_commit
from pipelines.environments import settings_from
from pipelines_tests.releases.git.origin import MODEL, Origin

KEY = dg.AssetKey(["prod", "models", "glider"])


def test_the_commit_is_the_partition_that_made_the_version(tmp_path: Path):
    settings = settings_from({"PIPELINES_HOME": str(tmp_path / "home")}, "production")
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        for number in range(1, 4):
            commit = str(number) * 40
            for reused in (False, True):  # running a release again finds its version
                metadata = {"version": number, "reused": reused}
                made = dg.AssetMaterialization(KEY, partition=commit, metadata=metadata)
                instance.report_runless_asset_event(made)
        assert commit_of_version(instance, settings, "glider", 2) == "2" * 40
        assert commit_of_version(instance, settings, "glider", 1, page=2) == "1" * 40
        with pytest.raises(UnknownVersionError, match=r"glider version 7.*knows: 1, 2, 3\."):
            commit_of_version(instance, settings, "glider", 7, page=2)
        with pytest.raises(UnknownVersionError, match=r"knows: none\."):
            commit_of_version(instance, settings, "tug", 1)


def test_the_commit_is_fetched_where_this_machine_does_not_have_it(tmp_path: Path):
    origin = Origin(tmp_path)
    commit = origin.commit(MODEL)
    variables = {"PIPELINES_HOME": str(tmp_path / "home"), "PIPELINES_GIT": str(origin.bare)}
    settings = settings_from(variables, "production")
    require_commit(settings, commit)
    require_commit(settings, commit)
    with pytest.raises(CommitIsGoneError, match=f"Commit {'f' * 40} is not to be had from {origin.bare}"):
        require_commit(settings, "f" * 40)


@pytest.mark.parametrize("text", ["glider", "glider@", "glider@0", "glider@latest", "../x@1"])
def test_what_is_no_version_is_refused(text: str):
    found = CliRunner().invoke(release, ["reproduce", text])
    assert found.exit_code == 2
    assert "is no version: write it as maneuver_classifier@3" in found.output
