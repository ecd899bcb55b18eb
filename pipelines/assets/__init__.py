"""The assets of each code location, wired: sessions to gold, gold to models, models to predictions."""

from __future__ import annotations

import dagster as dg

from pipelines.assets.gold import gold_assets
from pipelines.assets.landing import landing_assets
from pipelines.assets.models import model_asset
from pipelines.assets.predictions import prediction_asset
from pipelines.assets.released_models import released_model_asset
from pipelines.assets.releases import champions_asset, requested_asset
from pipelines.assets.sessions import session_assets
from pipelines.assets.shared_gold import shared_gold
from pipelines.models.manifest import load_manifests
from pipelines.releases.release_graph import released_models_folder
from pipelines.settings import Settings

Assets = list[dg.AssetsDefinition | dg.AssetSpec]


def development_assets(settings: Settings) -> Assets:
    """Every asset of the development location; models and predictions follow from the manifests.

    On a data scientist's branch gold is what everyone shares, and only models and predictions are the branch's own.
    """
    manifests = load_manifests().values()
    tables: Assets = [*shared_gold] if settings.branch else [*landing_assets, *session_assets, *gold_assets]
    return [
        *tables,
        *(model_asset(manifest, settings) for manifest in manifests),
        *(prediction_asset(manifest, settings) for manifest in manifests),
    ]


def production_assets(settings: Settings) -> Assets:
    """Every asset of the production location: gold as it is shared, and the releases of models trained on it there.

    The models are those of the commit that is to be released, which may have others than this code has.
    """
    manifests = list(load_manifests(released_models_folder(settings)).values())
    return [
        *shared_gold,
        requested_asset(manifests),
        *(released_model_asset(manifest, settings) for manifest in manifests),
        champions_asset(manifests, settings),
    ]
