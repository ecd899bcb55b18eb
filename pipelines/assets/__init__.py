"""The assets of development, wired: sessions to gold, gold to models, models to predictions."""

from __future__ import annotations

import dagster as dg

from pipelines.assets.gold import gold_assets
from pipelines.assets.landing import landing_assets
from pipelines.assets.models import model_asset
from pipelines.assets.predictions import prediction_asset
from pipelines.assets.sessions import session_assets
from pipelines.environments import Settings
from pipelines.models.manifest import load_manifests


def development_assets(settings: Settings) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """Every asset of the development location; models and predictions follow from the manifests."""
    manifests = load_manifests().values()
    return [
        *landing_assets,
        *session_assets,
        *gold_assets,
        *(model_asset(manifest, settings) for manifest in manifests),
        *(prediction_asset(manifest, settings) for manifest in manifests),
    ]
