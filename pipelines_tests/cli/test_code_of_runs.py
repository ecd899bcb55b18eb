"""Which code a run ships: that of its commit, of its release, or of the release that serves its customer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from pipelines.environments import settings_from
from pipelines.releases.branch import mirror_of
from pipelines.releases.move_config import move_config
from pipelines.remote import step_launcher_for

SERVING, OTHER = "a" * 40, "b" * 40
HEXADECIMAL = "deadbeef"
"""A customer's name that could be a commit's, too."""


def _approval(release: str) -> dict[str, Any]:
    return move_config("approve", actor="Ana", reason="it is good", release=release)


@pytest.mark.parametrize(
    ("run", "revision"),
    [
        (dg.DagsterRun("analyze", tags={"dagster/partition": HEXADECIMAL}), SERVING),
        (dg.DagsterRun("analyze", tags={"dagster/partition": "acme", "pipelines/commit": OTHER}), OTHER),
        (dg.DagsterRun("release", tags={"dagster/partition": OTHER}), OTHER),
        (
            dg.DagsterRun(
                "__ASSET_JOB",
                tags={"dagster/partition": "acme"},
                asset_selection={dg.AssetKey(["prod", "customers", "analysis"])},
            ),
            SERVING,
        ),
        (dg.DagsterRun("onboard_customer", tags={"pipelines/customer": "acme"}), None),
        (dg.DagsterRun("approve", run_config=_approval(OTHER[:9])), OTHER),
        (dg.DagsterRun("approve", run_config=_approval("c0ffee")), None),
        (dg.DagsterRun("approve", run_config=_approval("")), None),
    ],
    ids=[
        "a customer by the job",
        "asked for by tag",
        "a release",
        "the button on an asset",
        "neither",
        "an approval",
        "an approval of what never was",
        "an approval of nothing",
    ],
)
def test_the_code_of_a_run(tmp_path: Path, run: dg.DagsterRun, revision: str | None):
    settings = settings_from({"PIPELINES_HOME": str(tmp_path)}, "production")
    launcher = step_launcher_for(settings)
    assert launcher is not None
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("releases", [SERVING, OTHER])
        assert launcher.code_of(instance, dg.DagsterRun("analyze")).revision is None, "nothing serves yet"
        instance.report_runless_asset_event(
            dg.AssetMaterialization(
                ["prod", "releases", "champions"], partition=SERVING, metadata={"state": {"current": SERVING}}
            )
        )
        source = launcher.code_of(instance, run)
    assert source.revision == revision
    if revision is not None:
        assert source.repository == mirror_of(settings).repository.folder
