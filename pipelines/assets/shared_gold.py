"""Gold as those see it who may only read it: production, and data scientists' branches."""

from pipelines.assets.table_assets import table_spec
from pipelines.tables.contracts import GOLD

shared_gold = [table_spec(contract, deps=[]) for contract in GOLD]
"""External assets under the tables' own names, so that their lineage goes on where development makes them."""
