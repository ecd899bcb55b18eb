"""The whole flow on one engine: landing zone, silver, gold, a version of each model, its predictions.

As a program (`python -m pipelines_tests.conformance.flow <landing> <home>`) it runs on the embedded engine.
"""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet

from pipelines.engines import open_engine
from pipelines.engines.engine import Engine
from pipelines.environments import settings_from
from pipelines.models.manifest import Manifest, load_manifests
from pipelines.models.protocol import load_model_code
from pipelines.settings import Settings
from pipelines.tables.attestation import attest
from pipelines.tables.contract import TableName
from pipelines.tables.contracts import GOLD
from pipelines.tables.gold import refine_approaches, refine_flight_samples, refine_maneuvers, refine_sessions
from pipelines.tables.ingestion import ingest_annotations, ingest_sessions
from pipelines.training.digests import features_digest
from pipelines.training.inference import save_estimator
from pipelines.training.predict import predict_sessions
from pipelines.training.registration import log_run, register_run
from pipelines.training.registry import FEATURES_TAG
from pipelines_tests.conformance.landing import UPLOAD_DAYS

REFINEMENTS = {
    "flight_samples": refine_flight_samples,
    "maneuvers": refine_maneuvers,
    "approaches": refine_approaches,
    "sessions": refine_sessions,
}


def make_tables(engine: Engine, landing: Path) -> None:
    """Bring every upload day to silver and gold."""
    for day in UPLOAD_DAYS:
        make_day(engine, landing, day)


def make_day(engine: Engine, landing: Path, day: date) -> None:
    """Bring one upload day to silver and gold."""
    ingest_sessions(engine, landing, day, run_id="conformance")
    ingest_annotations(engine, landing, day, run_id="conformance")
    for table, refine in REFINEMENTS.items():
        key = TableName("main", "gold", table).asset_key
        refine(engine, day, attest("conformance", key, "0" * 16, {"conformance": True}))


def gold_of(engine: Engine) -> dict[str, Any]:
    """The gold tables as models are given them."""
    return {contract.name.table: engine.table(contract.name) for contract in GOLD}


def write_features(engine: Engine, home: Path) -> None:
    """Write each model's features of every gold session to `<home>/features/<model>.parquet`."""
    (home / "features").mkdir(parents=True, exist_ok=True)
    for manifest in load_manifests().values():
        features = load_model_code(manifest.name).features(gold_of(engine), manifest.parameters)
        pyarrow.parquet.write_table(features.toArrow(), home / "features" / f"{manifest.name}.parquet")


def register_models(engine: Engine, settings: Settings) -> None:
    """Fit each model to all that is labelled and register it as version 1. How well it does is no matter here."""
    from pyspark.sql import functions as F

    for manifest in load_manifests().values():
        code = load_model_code(manifest.name)
        examples = code.features(gold_of(engine), manifest.parameters).where(F.col(code.LABEL).isNotNull())
        last = max(row["session_id"] for row in examples.select("session_id").distinct().collect())
        split = F.when(F.col("session_id") == last, "validation").otherwise("train")
        estimator = code.fit(examples.withColumn("split", split), manifest.parameters)
        save_estimator(estimator)
        example = examples.select(*code.FEATURES).limit(5).toPandas()
        run_id = log_run(
            settings,
            manifest,
            code,
            estimator,
            example,
            metrics={},
            baseline_metrics={},
            figures={},
            card="",
            tags={FEATURES_TAG: features_digest(manifest)},
        )
        register_run(settings, manifest, run_id)


def predict(engine: Engine, settings: Settings, manifest: Manifest) -> None:
    """Judge every gold session with version 1."""
    predict_sessions(manifest.name, 1, engine, settings)


def main(landing: Path, home: Path) -> None:
    """The flow on the embedded engine, below `home`."""
    settings = settings_from({"PIPELINES_HOME": str(home)})
    engine = open_engine("sail", settings.tables)
    make_tables(engine, landing)
    write_features(engine, home)
    register_models(engine, settings)
    for manifest in load_manifests().values():
        predict(engine, settings, manifest)
    engine.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
