"""The assets of the production location, wired: shared gold to the models of releases, and these to customers."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
from dagster._check import CheckError

from pipelines.assets.costs import cost_assets
from pipelines.assets.customer_records import customers
from pipelines.assets.customers import customer_assets
from pipelines.assets.released_models import released_model_asset
from pipelines.assets.releases import champions_asset, requested_asset
from pipelines.assets.shared_gold import shared_gold
from pipelines.models.manifest import load_manifests
from pipelines.releases.release_graph import released_models_folder
from pipelines.settings import Settings


def production_assets(settings: Settings, models: Path | None = None) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """Every asset of the production location: gold as it is shared, the releases of models trained on it there,
    and what customers get of them.

    The models are those of the commit that is to be released, which may have others than this code has, or those of
    the folder `models`.
    """
    manifests = list(load_manifests(models or released_models_folder(settings)).values())
    return [
        *shared_gold,
        requested_asset(manifests),
        *(released_model_asset(manifest, settings) for manifest in manifests),
        champions_asset(manifests, settings),
        customer_assets(manifests, settings),
        customers,
        *cost_assets(settings),
    ]


def why_not_loadable(settings: Settings, models: Path) -> str | None:
    """Why Dagster would load no graph with the models of that folder; None if it would.

    Raises:
        ManifestError: a manifest is wrong.
    """
    try:
        assets = production_assets(settings, models)
        keys = {key for each in assets if isinstance(each, dg.AssetsDefinition) for key in each.required_resource_keys}
        nothing = {key: dg.ResourceDefinition.none_resource() for key in keys - {"io_manager"}}
        dg.Definitions(assets=assets, resources=nothing).resolve_asset_graph()
    except (dg.DagsterError, CheckError) as error:
        return f"no graph can be made of its manifests: {error}"
    return None
