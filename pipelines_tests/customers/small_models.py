"""Models that are registered in a moment, with real estimators in a real registry, and a record by which they serve."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import pipelines.models
from pipelines.customers.fulfilment import Fulfilled, fulfil
from pipelines.engines.engine import Engine
from pipelines.models.manifest import Manifest, load_manifests
from pipelines.models.protocol import load_model_code
from pipelines.releases.entry import By, Entry
from pipelines.releases.plan import Plan
from pipelines.releases.provenance import Lineage
from pipelines.releases.registry import MlflowRegistry
from pipelines.releases.site import open_releases
from pipelines.settings import Settings
from pipelines.tables.contract import TableName
from pipelines.training.digests import features_digest
from pipelines.training.identity import Identity
from pipelines.training.registration import log_run, register_run
from pipelines.training.registry import FEATURES_TAG

RELEASE = "1" * 40
_MANIFEST = """\
name: {name}
owner: flight-data-science
description: Whether the aircraft flies fast, told from its speed.
gold_tables: [main.gold.sessions, main.gold.flight_samples]
primary_metric: known_accuracy
thresholds:
  known_accuracy: {{minimum: 0.5}}
required_channels: [{channel}]
prediction:
  table: {name}_judgements
  comment: Every hundredth second with the probability of flying fast.
  key: [second]
  columns:
    - {{name: second, type: BIGINT, comment: Second of the session., nullable: false}}
    - {{name: fast_probability, type: DOUBLE, comment: "Probability, 0 to 1."}}
rollout: {{unit: {unit}}}
"""
_CODE = """\
import pandas as pd
from pyspark.sql import functions as F

FEATURES = ("indicated_airspeed_kt",)
LABEL = "is_fast"
EXAMPLE_KEY = ("second",)
SKOPS_TRUSTED_TYPES = ()
FEATURE_GROUPS = {name: (name,) for name in FEATURES}


def features(gold, parameters):
    samples = gold["flight_samples"].where((F.col("second") % 100 == 0) & F.col("indicated_airspeed_kt").isNotNull())
    return samples.select("session_id", "second", "indicated_airspeed_kt")


def fit(examples, parameters): ...
def baseline(features, parameters): ...
def evaluate(examples, predictions, parameters): ...


def predict(estimator, features, parameters):
    if len(features) == FAILS_AT:
        raise ValueError("this session is beyond me")
    probabilities = estimator.predict_proba(features[list(FEATURES)].to_numpy())[:, 1]
    return pd.DataFrame({"second": features["second"], "fast_probability": probabilities})
"""


class SmallModels:
    """Model folders beside the project's own, their versions, and the plans by which they serve."""

    def __init__(self, folder: Path, engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.engine, self.settings = folder, engine, settings
        self.registry = MlflowRegistry(settings)
        self._sequence = 0
        folder.mkdir()
        monkeypatch.setattr(pipelines.models, "__path__", [*pipelines.models.__path__, str(folder)])
        monkeypatch.setattr("pipelines.customers.serving.load_manifests", lambda: load_manifests(folder))
        for name in [name for name in sys.modules if name.startswith("pipelines.models.small_")]:
            monkeypatch.delitem(sys.modules, name)

    def add(
        self, name: str, channel: str = "indicated_airspeed_kt", unit: str = "session", fails_at: int = -1
    ) -> Manifest:
        """A model. `fails_at`: the number of examples (a hundredth of the seconds) at which `predict` raises."""
        place = self.folder / name
        place.mkdir()
        (place / "__init__.py").touch()
        (place / "model.yaml").write_text(_MANIFEST.format(name=name, channel=channel, unit=unit))
        (place / "model.py").write_text(_CODE.replace("FAILS_AT", str(fails_at)))
        importlib.invalidate_caches()
        return load_manifests(self.folder)[name]

    def version(self, manifest: Manifest, release: str = RELEASE, features: str | None = None) -> int:
        """A registered version of it, made by a release. `features`: a digest other than that of its code now."""
        from sklearn.linear_model import LogisticRegression

        example = pd.DataFrame({"indicated_airspeed_kt": [10.0, 50.0, 70.0, 110.0]})
        estimator = LogisticRegression().fit(example.to_numpy(), [False, False, True, True])
        identity = Identity(manifest.name, {"main.gold.sessions": 1}, "p", "c", "e", release)
        run = log_run(
            self.settings, manifest, load_model_code(manifest.name), estimator, example, metrics={},
            baseline_metrics={}, figures={}, card="",
            tags={
                **Lineage(release, "A. Author", "run").tags,
                **identity.tags,
                FEATURES_TAG: features or features_digest(manifest),
            },
        )  # fmt: skip
        return register_run(self.settings, manifest, run).version

    def serve(self, plans: Mapping[str, Plan]) -> None:
        """Write into the record that these are the plans."""
        journal = open_releases(self.engine, self.settings).journal
        self._sequence += 1
        release = next(iter(plans.values())).release or RELEASE
        entries = [
            Entry(self._sequence, f"move-{self._sequence}", "promoted", model, release, plan.revision,
                  By("test", "to serve"), None, plan, datetime.now(UTC))
            for model, plan in plans.items()
        ]  # fmt: skip
        assert journal.write(entries)


def champion(version: int, revision: int = 1, release: str = RELEASE) -> Plan:
    """A plan by which that version serves all."""
    return Plan(state="steady", revision=revision, release=release, champion=version)


def carried_out(
    models: SmallModels, *names: str, commit: str = "", progress: Callable[[str], None] = lambda _: None
) -> Fulfilled:
    """Requests of acme, carried out in this process."""
    return fulfil(models.engine, models.settings, "acme", names, None, "batch", commit, progress)


def rows(engine: Engine, table: str, *columns: str) -> list[tuple[Any, ...]]:
    """Rows of one of acme's tables, in order."""
    found = engine.table(TableName("prod", "customer_acme", table)).select(*columns).toArrow().to_pylist()
    return sorted(tuple(row.values()) for row in found)
