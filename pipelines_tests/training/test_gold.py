"""Gold as a training reads it, where there is none."""

from __future__ import annotations

import pytest

from pipelines.engines.engine import Engine
from pipelines.models.manifest import load_manifests
from pipelines.training.gold import NoGoldError, read_gold


def test_gold_that_was_never_made_is_told_with_what_to_do(engine: Engine) -> None:
    with pytest.raises(NoGoldError, match=r"main\.gold\.sessions does not exist yet.*pipelines ingest FILE"):
        read_gold(engine, load_manifests()["maneuver_classifier"])
