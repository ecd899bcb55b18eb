"""Drift as an asset check: whether what customers get is what git, plans, aliases, versions and gold say.

The step also completes a move that was cut off, and tells by how much gold has grown, for whoever watches the branch.
"""

from typing import Any

import dagster as dg
from pydantic import Field

from pipelines.assets.materializations import rows_table
from pipelines.assets.releases import CHAMPIONS
from pipelines.engines.engine import Engine
from pipelines.settings import Settings

CHECK = "all_agree"
STEP = "check_champions"
GROWTH = "gold_growth"
"""Metadata of the check: see `pipelines.releases.growth`."""


class Branch(dg.Config):
    """What git says, which a step in the workspace does not reach. Empty: it is not compared."""

    head: str = ""
    """Commit that the branch `release` is at."""
    models: list[str] = Field(default_factory=list)
    """Models that the head has."""
    problem: str = ""
    """Why git could not be asked."""


@dg.multi_asset_check(
    name=STEP,
    specs=[
        dg.AssetCheckSpec(
            CHECK,
            asset=CHAMPIONS,
            description="Git, plans, aliases, registered versions and gold agree on what customers get.",
        )
    ],
)
def champions_agree(
    context: dg.AssetCheckExecutionContext,
    config: Branch,
    engine: dg.ResourceParam[Engine],
    settings: dg.ResourceParam[Settings],
    step_launcher: dg.ResourceParam[object],
) -> dg.AssetCheckResult:
    """Fails for what customers may notice; warns of the rest."""
    from pipelines.releases.drift import drift
    from pipelines.releases.growth import growth_of
    from pipelines.releases.observe import complete_moves, observe

    completed = complete_moves(engine, settings)
    observed = observe(engine, settings, config.head or None, config.models or None)
    findings = drift(observed)
    growth = growth_of(engine, observed.record)
    serious = [finding for finding in findings if finding.is_serious]
    sentences = [*(finding.sentence for finding in findings), *completed.problems]
    if config.problem:
        sentences.append(config.problem)
    metadata: dict[str, Any] = {
        "findings": rows_table(
            [
                {
                    "serious": finding.is_serious,
                    "between": finding.between,
                    "model": finding.model or "all",
                    "what": finding.sentence,
                }
                for finding in findings
            ]
        ),
        "completed": ", ".join(completed.models) or "nothing was left undone",
    }
    if growth is not None:
        metadata[GROWTH] = growth.metadata
    for sentence in sentences:
        context.log.warning(sentence)
    return dg.AssetCheckResult(
        check_name=CHECK,
        asset_key=CHAMPIONS,
        passed=not sentences,
        severity=dg.AssetCheckSeverity.ERROR if serious or completed.problems else dg.AssetCheckSeverity.WARN,
        description=" ".join(sentences) or "All agree.",
        metadata=metadata,
    )


def last_growth(instance: dg.DagsterInstance) -> dict[str, Any]:
    """What the last check told of gold's growth; empty if it told none."""
    record = instance.get_latest_asset_check_evaluation_record(dg.AssetCheckKey(CHAMPIONS, CHECK))
    event = record.event.dagster_event if record is not None and record.event is not None else None
    if event is None or event.event_type is not dg.DagsterEventType.ASSET_CHECK_EVALUATION:
        return {}
    found = event.asset_check_evaluation_data.metadata.get(GROWTH)
    return dict(found.value) if found is not None and isinstance(found.value, dict) else {}
