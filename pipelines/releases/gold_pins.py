"""The versions of gold that a release is trained on: the newest of each table, if all of its history is attested."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pipelines.models.manifest import Manifest
from pipelines.training.gold import read_gold

if TYPE_CHECKING:
    from pipelines.engines.engine import Engine


def pinned_gold(engine: Engine, manifests: Iterable[Manifest]) -> dict[str, int]:
    """Version by full name of every table that one of the models reads.

    Raises:
        UnattestedHistoryError: a table's history holds a change that no checked run vouches for; names table, commit
            and author.
    """
    pins: dict[str, int] = {}
    for manifest in manifests:
        if not set(manifest.gold_tables) <= set(pins):
            # Of two models' reads of one table the first counts: all train on the same version.
            pins = {**read_gold(engine, manifest).versions, **pins}
    return pins
