"""What judging needs beside the sessions, made ready while those are being read."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from pipelines.customers.routes import routed
from pipelines.models.manifest import Manifest
from pipelines.models.protocol import load_model_code
from pipelines.releases.site import open_releases
from pipelines.settings import Settings
from pipelines.training.inference import load_estimator
from pipelines.training.registry import saved_estimator

if TYPE_CHECKING:
    from pipelines.engines.engine import Engine
    from pipelines.releases.record import Record
    from pipelines.releases.registry import MlflowRegistry


def made_ready(
    engine: Engine, settings: Settings, customer: str, manifests: Mapping[str, Manifest]
) -> tuple[MlflowRegistry, Record]:
    """The registry and the record of releases, by which versions are chosen.

    Where Python functions run in this process, it has loaded the models that serve the customer by then.
    """
    from pipelines.releases.registry import MlflowRegistry

    registry, record = MlflowRegistry(settings), open_releases(engine, settings).journal.read()
    if engine.python_is_threaded:
        with suppress(Exception):  # whatever it is, judging meets it again and says what it is
            for one in routed(customer, [""], "", record, manifests):
                saved = saved_estimator(settings, one.model, one.version)
                load_estimator(saved, load_model_code(one.model).SKOPS_TRUSTED_TYPES)
    return registry, record
