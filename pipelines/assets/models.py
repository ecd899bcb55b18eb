"""Models: trained on gold, judged on sessions that they never saw, registered under three-level names.

Built from the manifests alone: a model's code is imported in the step that trains it.
"""

import dagster as dg

from pipelines.assets.table_assets import key_of
from pipelines.engines.engine import Engine
from pipelines.environments import Settings
from pipelines.models.manifest import Manifest
from pipelines.tables.contract import TableName


class NoVersionError(LookupError):
    """A model that has no version yet was asked for a prediction."""


def model_key(manifest: Manifest, settings: Settings) -> dg.AssetKey:
    """The asset key of a model: the name it is registered under, level by level."""
    return dg.AssetKey([*settings.model_schema.split("."), manifest.name])


def owner_of(manifest: Manifest) -> str:
    """The manifest's owner as Dagster wants it: an e-mail address or a team."""
    return manifest.owner if "@" in manifest.owner else f"team:{manifest.owner}"


def recorded_version(instance: dg.DagsterInstance, manifest: Manifest, settings: Settings) -> int:
    """The version that the model's asset materialized last; a registry's newest is never assumed.

    Raises:
        NoVersionError: the asset was never materialized.
    """
    event = instance.get_latest_materialization_event(model_key(manifest, settings))
    materialization = event.asset_materialization if event else None
    if materialization is None or "version" not in materialization.metadata:
        raise NoVersionError(
            f"{settings.model_schema}.{manifest.name} has no version yet: run the job `train` (or `pipelines demo`)."
        )
    return int(materialization.metadata["version"].value)  # type: ignore[arg-type]


def model_asset(manifest: Manifest, settings: Settings) -> dg.AssetsDefinition:
    """The asset of one model; each materialization is a registered version."""

    @dg.asset(
        key=model_key(manifest, settings),
        deps=[key_of(TableName.of(name)) for name in manifest.gold_tables],
        description=manifest.description,
        group_name="models",
        owners=[owner_of(manifest)],
        kinds={"scikitlearn", "mlflow", "pyspark"},
        pool="training",
        metadata={
            "primary_metric": manifest.primary_metric,
            "thresholds": {name: bound.model_dump(exclude_none=True) for name, bound in manifest.thresholds.items()},
            "required_channels": [" or ".join(alternatives) for alternatives in manifest.required_channels],
            "optional_channels": list(manifest.optional_channels),
        },
    )
    def model(
        context: dg.AssetExecutionContext, engine: dg.ResourceParam[Engine], settings: dg.ResourceParam[Settings]
    ) -> dg.MaterializeResult:
        from pipelines.training import train_model

        lineage = {"dagster_run_id": context.run_id, "asset_key": context.asset_key.to_user_string()}
        trained = train_model(manifest.name, engine, settings, lineage)
        return dg.MaterializeResult(metadata={"version": trained.version})

    return model
