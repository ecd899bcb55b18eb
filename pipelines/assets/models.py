"""Models: trained on gold, judged on sessions that they never saw, registered under three-level names.

Built from the manifests alone: a model's code is imported in the step that trains it.
"""

from typing import TYPE_CHECKING, Any, TypedDict

import dagster as dg

from pipelines.assets.comparison import chosen_gold, compared, comparison_specs
from pipelines.assets.materializations import picture, rows_table
from pipelines.assets.table_assets import key_of
from pipelines.engines.engine import Engine
from pipelines.models.manifest import Manifest
from pipelines.settings import Settings
from pipelines.tables.contract import TableName

if TYPE_CHECKING:
    from pipelines.training.registry import TrainedModel


def model_key(manifest: Manifest, settings: Settings) -> dg.AssetKey:
    """The asset key of a model: the name it is registered under, level by level."""
    return dg.AssetKey([*settings.model_schema.split("."), manifest.name])


def owner_of(manifest: Manifest) -> str:
    """The manifest's owner as Dagster wants it: an e-mail address or a team."""
    return manifest.owner if "@" in manifest.owner else f"team:{manifest.owner}"


def model_asset(manifest: Manifest, settings: Settings) -> dg.AssetsDefinition:
    """The asset of one model; each materialization is a registered version."""
    key = model_key(manifest, settings)

    @dg.asset(
        key=key,
        deps=gold_of(manifest),
        pool="training",
        check_specs=[
            dg.AssetCheckSpec(
                "meets_thresholds", asset=key, description="Every metric is within its manifest's bounds."
            ),
            beats_rule_spec(key),
            *comparison_specs(key, settings),
        ],
        **attributes_of(manifest, settings),
    )
    def model(
        context: dg.AssetExecutionContext,
        engine: dg.ResourceParam[Engine],
        settings: dg.ResourceParam[Settings],
        step_launcher: dg.ResourceParam[object],
    ) -> dg.MaterializeResult:
        from pipelines.training.registry import CHAMPION, point_alias
        from pipelines.training.train import train_model

        # Snake case, since the lineage becomes tags of the version in Unity Catalog.
        lineage = {"dagster_run_id": context.run_id, "asset_key": context.asset_key.to_user_string()}
        gold = chosen_gold(context, manifest, settings)
        trained = train_model(manifest.name, engine, settings, lineage, context.log.info, gold)
        if settings.location == "development":  # what customers get is for a release to decide
            point_alias(settings, manifest.name, CHAMPION, trained.version)
        rows = metric_rows(manifest, trained.metrics, trained.baseline_metrics)
        beside_main = compared(manifest, trained, settings)
        return dg.MaterializeResult(
            metadata={**version_metadata(trained, rows, manifest), **beside_main.metadata},
            check_results=[
                _result("meets_thresholds", [row for row in rows if not row["holds"]], rows),
                beats_rule_result(rows),
                *beside_main.check_results,
            ],
        )

    return model


def gold_of(manifest: Manifest) -> list[dg.AssetKey]:
    """Keys of the gold tables that the model is trained on."""
    return [key_of(TableName.of(name)) for name in manifest.gold_tables]


class ModelAttributes(TypedDict):
    """Keyword arguments of `dg.asset`."""

    description: str
    group_name: str
    owners: list[str]
    kinds: set[str]
    op_tags: dict[str, str]
    metadata: dict[str, Any]


def attributes_of(manifest: Manifest, settings: Settings) -> ModelAttributes:
    """What the asset of a model has in every location."""
    return {
        "description": manifest.description,
        "group_name": f"{settings.catalog}_models",
        "owners": [owner_of(manifest)],
        "kinds": {"scikitlearn", "mlflow", "pyspark"},
        "op_tags": {
            "pipelines/compute": manifest.compute.size_class,
            "pipelines/time_limit_minutes": f"{manifest.compute.time_limit_minutes:g}",
            "pipelines/model": manifest.name,
        },
        "metadata": {
            "primary_metric": manifest.primary_metric,
            "thresholds": {name: bound.model_dump(exclude_none=True) for name, bound in manifest.thresholds.items()},
            "required_channels": [" or ".join(alternatives) for alternatives in manifest.required_channels],
            "optional_channels": list(manifest.optional_channels),
        },
    }


def beats_rule_spec(key: dg.AssetKey) -> dg.AssetCheckSpec:
    """The check that a model is worth having."""
    return dg.AssetCheckSpec(
        "beats_instructors_rule",
        asset=key,
        description="It is better than the plain rule of an instructor, on sessions that neither has seen.",
    )


def beats_rule_result(rows: list[dict[str, str | float | bool | None]]) -> dg.AssetCheckResult:
    """Its result, from `metric_rows`."""
    return _result("beats_instructors_rule", [row for row in rows if not row["beats_rule"]], rows)


def metric_rows(
    manifest: Manifest, metrics: dict[str, float], baseline: dict[str, float]
) -> list[dict[str, str | float | bool | None]]:
    """Each metric that the manifest bounds: the model's value, the instructor's rule's, the bound, and what holds.

    A bound from below means that more is better. A rule without a value for the metric cannot be beaten
    nor win; a model without one fails.
    """
    rows: list[dict[str, str | float | bool | None]] = []
    for name, bound in manifest.thresholds.items():
        value, rule = metrics.get(name, float("nan")), baseline.get(name)
        better = rule is None or rule != rule or (value > rule if bound.minimum is not None else value < rule)
        rows.append(
            {
                "metric": name,
                "model": round(value, 4),
                "instructors_rule": None if rule is None else round(rule, 4),
                "bound": str(bound),
                "holds": bound.holds(value),
                "beats_rule": better and value == value,
            }
        )
    return rows


def version_metadata(trained: "TrainedModel", rows: list, manifest: Manifest) -> dict[str, Any]:
    """What a materialization shows of the version that it made or found."""
    return {
        "version": trained.version,
        "reused": trained.reused,
        manifest.primary_metric: trained.metrics.get(manifest.primary_metric, float("nan")),
        "metrics": rows_table(rows),
        "all_metrics": dg.MetadataValue.json(
            {name: round(value, 4) for name, value in sorted(trained.metrics.items())}
        ),
        "gold_versions": dg.MetadataValue.json(trained.gold_versions),
        "card": dg.MetadataValue.md(trained.card),
        **{name: picture(file.read_bytes(), name) for name, file in trained.figures.items()},
        "mlflow_run_id": trained.run_id,
    }


def _result(name: str, failing: list, rows: list) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=name,
        passed=not failing,
        description="; ".join(
            f"{row['metric']} is {row['model']} (bound {row['bound']}, rule {row['instructors_rule']})"
            for row in failing
        )
        or None,
        metadata={"metrics": rows_table(rows)},
    )
