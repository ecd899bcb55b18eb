"""Predictions: each model's judgement of the gold sessions, a table per model."""

import dagster as dg
from pydantic import Field

from pipelines.assets.models import model_key, owner_of, recorded_version
from pipelines.assets.table_assets import table_spec
from pipelines.engines.engine import Engine
from pipelines.environments import Settings
from pipelines.models.manifest import Manifest
from pipelines.models.prediction_tables import prediction_contract
from pipelines.tables.contract import TableName


class PredictionConfig(dg.Config):
    """Which sessions, by which version."""

    session_ids: list[str] | None = Field(
        default=None, description="Sessions to predict. Empty: every gold session that the version has not judged yet."
    )
    model_version: int | None = Field(
        default=None, description="Version of the model. Empty: the one that its asset materialized last."
    )


def prediction_asset(manifest: Manifest, settings: Settings) -> dg.AssetsDefinition:
    """The asset of one model's prediction table."""
    contract = prediction_contract(manifest, settings.prediction_schema)
    gold = [TableName.of(name) for name in manifest.gold_tables]
    spec = table_spec(
        contract,
        deps=[model_key(manifest, settings), *gold],
        owners=[owner_of(manifest)],
        description=f"{contract.comment} By {manifest.name}, with its version in every row.",
    )

    @dg.multi_asset(specs=[spec], name=f"predict_{manifest.name}")
    def predictions(
        context: dg.AssetExecutionContext,
        config: PredictionConfig,
        engine: dg.ResourceParam[Engine],
        settings: dg.ResourceParam[Settings],
    ) -> dg.MaterializeResult:
        from pipelines.training import predict_sessions

        version = config.model_version or recorded_version(context.instance, manifest, settings)
        report = predict_sessions(manifest.name, version, engine, settings, config.session_ids)
        return dg.MaterializeResult(metadata={"model_version": version, "report": str(report)})

    return predictions
