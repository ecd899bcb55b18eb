"""The assets of the development location, wired: sessions to gold, gold to models, models to predictions."""

from __future__ import annotations

import dagster as dg

from pipelines.assets.costs import cost_assets
from pipelines.assets.models import model_asset
from pipelines.assets.predictions import prediction_asset
from pipelines.models.manifest import load_manifests
from pipelines.settings import Settings


def development_assets(settings: Settings) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """Every asset of the development location; models and predictions follow from the manifests.

    On a data scientist's branch gold is what everyone shares, and only models and predictions are the branch's own.
    """
    manifests = load_manifests().values()
    return [
        *_tables(settings),
        *(model_asset(manifest, settings) for manifest in manifests),
        *(prediction_asset(manifest, settings) for manifest in manifests),
        *cost_assets(settings),
    ]


def _tables(settings: Settings) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    if settings.branch:
        from pipelines.assets.shared_gold import shared_gold

        return [*shared_gold]
    from pipelines.assets.gold import gold_assets
    from pipelines.assets.landing import landing_assets
    from pipelines.assets.sessions import session_assets

    return [*landing_assets, *session_assets, *gold_assets]
