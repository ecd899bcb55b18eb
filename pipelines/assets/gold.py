"""Gold: cleaned, labelled and attested sessions, an upload day at a time."""

import dagster as dg

gold_assets: list[dg.AssetsDefinition] = []
