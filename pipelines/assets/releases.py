"""Releases: what was asked for, and what customers get. Each partition is a commit of the branch `release`."""

from typing import Any

import dagster as dg

from pipelines.assets.materializations import rows_table
from pipelines.assets.models import model_key
from pipelines.assets.table_assets import key_of
from pipelines.engines.engine import Engine
from pipelines.models.manifest import Manifest
from pipelines.partitions import RELEASES
from pipelines.releases import run_tags
from pipelines.releases.run_tags import ANEW, ATTEMPT, AUTHOR, OUTCOME, SIGNER
from pipelines.settings import Settings
from pipelines.tables.contract import TableName

REQUESTED = dg.AssetKey(["prod", "releases", "requested"])
CHAMPIONS = dg.AssetKey(list(run_tags.CHAMPIONS))
GROUP = "releases"
_OWNER = "team:flight-data-science"


def requested_asset(manifests: list[Manifest]) -> dg.AssetsDefinition:
    """The asset that pins what a release is made of."""
    tables = sorted({name for manifest in manifests for name in manifest.gold_tables})

    @dg.asset(
        key=REQUESTED,
        deps=[key_of(TableName.of(name)) for name in tables],
        group_name=GROUP,
        owners=[_OWNER],
        kinds={"git", "deltalake"},
        partitions_def=RELEASES,
        description="What a release is made of: its commit, and the versions of gold that all its models are trained "
        "on. Refused where gold holds a change that no checked run vouches for.",
    )
    def requested(
        context: dg.AssetExecutionContext,
        engine: dg.ResourceParam[Engine],
        settings: dg.ResourceParam[Settings],
        step_launcher: dg.ResourceParam[object],
    ) -> dg.MaterializeResult:
        from pipelines.models.manifest import load_manifests
        from pipelines.releases.blame import GOLD_FAULTS
        from pipelines.releases.entry import By
        from pipelines.releases.gold_pins import pinned_gold
        from pipelines.releases.request import NotRequestedError, Request, request_of
        from pipelines.releases.site import open_releases

        releases, release, tags = open_releases(engine, settings), context.partition_key, context.run.tags
        own = load_manifests()
        record = releases.journal.read()
        if AUTHOR in tags and (release not in record.sets or release == record.current_release):
            try:
                pins = pinned_gold(engine, own.values())
            except GOLD_FAULTS as error:
                raise dg.Failure(str(error), metadata={OUTCOME: "gold"}, allow_retries=False) from error
            given = Request(tags[AUTHOR], tags.get(SIGNER), pins)
            why = f"attempt {tags.get(ATTEMPT, '?')} to release the head of the branch"
            if ANEW in tags:
                why = f"gold has grown: the release that serves is trained anew on version {tags[ANEW]} or newer"
            by = By(f"run {context.run_id[:8]}", why)
            record = releases.request(release, own, by, given.evidence, anew=ANEW in tags)
        try:
            request = request_of(record, release)
        except NotRequestedError as error:
            raise dg.Failure(str(error), allow_retries=False) from None
        return dg.MaterializeResult(
            metadata={
                "author": request.author,
                "signer": request.signer or "signatures are not asked for",
                "gold_versions": dg.MetadataValue.json(dict(request.gold_versions)),
                "models": dg.MetadataValue.json(sorted(own)),
            }
        )

    return requested


def champions_asset(manifests: list[Manifest], settings: Settings) -> dg.AssetsDefinition:
    """The asset that is what customers get."""

    @dg.asset(
        key=CHAMPIONS,
        deps=[model_key(manifest, settings) for manifest in manifests],
        group_name=GROUP,
        owners=[_OWNER],
        kinds={"mlflow"},
        partitions_def=RELEASES,
        description="What customers get: the models of one commit, which become champion together or not at all.",
    )
    def champions(
        context: dg.AssetExecutionContext,
        engine: dg.ResourceParam[Engine],
        settings: dg.ResourceParam[Settings],
        step_launcher: dg.ResourceParam[object],
    ) -> dg.MaterializeResult:
        from pipelines.models.manifest import load_manifests
        from pipelines.releases.entry import By
        from pipelines.releases.registry import MlflowRegistry
        from pipelines.releases.rollout import roll_out
        from pipelines.releases.site import open_releases

        registry = MlflowRegistry(settings)
        by = By(f"run {context.run_id[:8]}", "every gate passed")
        found = roll_out(
            context.partition_key, load_manifests(), open_releases(engine, settings), registry, engine.name, by
        )
        if found.outcome in ("refused", "superseded"):
            outcome = "gate" if found.outcome == "refused" else "superseded"
            raise dg.Failure(found.sentence, metadata={OUTCOME: outcome}, allow_retries=False)
        return dg.MaterializeResult(metadata={"outcome": found.outcome, "why": found.sentence,
                                              **state_metadata(found.record, registry)})  # fmt: skip

    return champions


def state_metadata(record: Any, registry: Any) -> dict[str, Any]:
    """What customers get after the record's last move, for people and (`state`) for programs."""
    from pipelines.releases.state import state_of

    state = state_of(record, registry)
    rows = [
        {
            "model": each["model"],
            "state": each["state"],
            "champion": each["champion"],
            "release": (each["release"] or "")[:12],
            "trained for": (each["trained_for"] or "")[:12],
            "since": each["since"],
            "previous": each["previous"],
        }
        for each in state["status"]["models"]
    ]
    return {"current_release": state["current"] or "none", "models": rows_table(rows), "state": state}
