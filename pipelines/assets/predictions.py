"""Predictions: each model's judgement of the gold sessions, a table per model."""

from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from pipelines.assets.materializations import picture, rows_table
from pipelines.assets.models import model_key, owner_of
from pipelines.assets.table_assets import table_spec
from pipelines.engines.engine import Engine
from pipelines.models.manifest import Manifest
from pipelines.models.prediction_tables import prediction_contract
from pipelines.settings import Settings
from pipelines.tables.contract import TableContract, TableName

if TYPE_CHECKING:
    from pipelines.training.predict import PredictionReport


class PredictionConfig(dg.Config):
    """Which sessions, by which version."""

    session_ids: list[str] | None = Field(
        default=None, description="Sessions to predict. Empty: every gold session that the version has not judged yet."
    )
    model_version: int | None = Field(
        default=None, description="Version of the model. Empty: the one that its alias `champion` names."
    )


def prediction_asset(manifest: Manifest, settings: Settings) -> dg.AssetsDefinition:
    """The asset of one model's prediction table."""
    contract = prediction_contract(manifest, settings.prediction_schema)
    gold = [TableName.of(name) for name in manifest.gold_tables]
    spec = table_spec(
        contract,
        deps=[model_key(manifest, settings), *gold],
        owners=[owner_of(manifest)],
        description=f"{contract.comment} By {manifest.name}, whose version is in every row.",
    ).replace_attributes(group_name="predictions")  # also on a branch, whose schema has another name

    @dg.multi_asset(
        specs=[spec], name=f"predict_{manifest.prediction.table}", op_tags={"pipelines/model": manifest.name}
    )
    def predictions(
        context: dg.AssetExecutionContext,
        config: PredictionConfig,
        engine: dg.ResourceParam[Engine],
        settings: dg.ResourceParam[Settings],
        step_launcher: dg.ResourceParam[object],
    ) -> dg.MaterializeResult:
        from pipelines.training.predict import predict_sessions
        from pipelines.training.registry import CHAMPION, version_of_alias

        version = config.model_version or version_of_alias(settings, manifest.name, CHAMPION)
        report = predict_sessions(manifest.name, version, engine, settings, config.session_ids, context.log.info)
        return dg.MaterializeResult(metadata=_metadata(engine, settings, contract, report))

    return predictions


def _metadata(
    engine: Engine, settings: Settings, contract: TableContract, report: "PredictionReport"
) -> dict[str, Any]:
    from pipelines.tables.history import current_version

    metadata = {
        "model": f"{report.model_name} version {report.model_version}",
        "sessions_judged": len(report.judged),
        "sessions_unchanged": report.unchanged,
        "sessions_not_judged": rows_table({"session": id_, "why": why} for id_, why in report.not_judged.items()),
        "rows_written": report.rows,
        "dagster/row_count": engine.table(contract.name).count(),
        "delta_version": current_version(engine, contract.name),
    }
    if "maneuver" in contract.column_names:
        from pipelines.training.newest_session import analysed_picture

        if drawn := analysed_picture(engine, settings, report.judged):
            metadata["newest_session"] = picture(drawn, "newest session, coloured by maneuver")
    return metadata
