"""How good the models are: many random splits by session of one simulated gold, as docs/models.md reports them.

`python -m benchmarks models`. A registered version is judged on the one split that its sessions' ids give; how much
of a figure is the luck of that split shows here. MODEL_SESSIONS and MODEL_SPLITS change the number of sessions and
of splits, MODEL_LIMIT draws so many of the sessions for each split (what a demo has).
"""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.gold import gold_of_simulated
from benchmarks.report import Section, Target
from pipelines.models.manifest import Manifest, load_manifests
from pipelines.models.protocol import ModelCode, load_model_code
from pipelines.tables.contract import TableName
from pipelines.training.dropout import COPY_MARK, with_blanked_copies
from pipelines.training.evaluate import evaluate_model
from pipelines.training.examples import Examples
from pipelines.training.inference import save_estimator
from pipelines.training.split import KNOWN, TRAIN, UNSEEN, VALIDATION

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from pipelines.engines.engine import Engine

FIRST_SEED = 3_000
_HELD_OUT, _VALIDATION = 0.25, 0.1
_SHOWN = {
    "maneuver_classifier": ("macro_f1", "accuracy"),
    "approach_stability": ("auroc", "brier", "expected_calibration_error", "criteria_f1", "approaches"),
    "upset_detector": ("upset_recall", "false_alarms_per_hour", "average_precision", "upsets", "hours_flown"),
}


def measure() -> list[Section]:
    """Every model, learned and judged on each of the splits."""
    sessions = int(os.environ.get("MODEL_SESSIONS", "240"))
    splits = int(os.environ.get("MODEL_SPLITS", "6"))
    limit = int(os.environ.get("MODEL_LIMIT", str(sessions)))
    with gold_of_simulated(FIRST_SEED, sessions) as engine:
        return [_measured(engine, manifest, splits, limit) for manifest in load_manifests().values()]


def _measured(engine: Engine, manifest: Manifest, splits: int, limit: int) -> Section:
    code = load_model_code(manifest.name)
    folder = Path(tempfile.mkdtemp(prefix="benchmark-models-"))
    try:
        rows, types = _features(engine, manifest, code, folder / "features")
        found: list[tuple[dict[str, float], dict[str, float]]] = []
        for number in range(splits):
            parts = _split(types, manifest.training.unseen_aircraft_type, limit, number)
            examples = _examples(engine, rows, parts)
            saved = save_estimator(code.fit(examples.labelled(code, TRAIN, VALIDATION), manifest.parameters))
            report = evaluate_model(manifest, code, examples, saved)
            found.append((report.metrics, report.baseline_metrics))
            shown = {name: round(report.metrics[name], 3) for name in manifest.thresholds}
            print(f"  {manifest.name}, split {number + 1} of {splits}: {shown}", flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    counts = Counter(_split(types, manifest.training.unseen_aircraft_type, limit, 0).values())
    return _section(manifest, found, counts, len(types), limit)


def _features(engine: Engine, manifest: Manifest, code: ModelCode, target: Path) -> tuple[DataFrame, dict[str, str]]:
    """Examples of all sessions and of their blanked copies, and the aircraft type of each session."""
    gold = {name: engine.table(TableName.of(name)) for name in manifest.gold_tables}
    tables = {TableName.of(name).table: rows for name, rows in gold.items()}
    types = {row["session_id"]: row["aircraft_type"] for row in tables["sessions"].collect()}
    known = sorted(one for one, kind in types.items() if kind != manifest.training.unseen_aircraft_type)
    widened = with_blanked_copies(engine.spark, tables, manifest, known)
    code.features(widened, manifest.parameters).write.parquet(f"file://{target}")
    return engine.spark.read.parquet(f"file://{target}"), types


def _split(types: dict[str, str], unseen_type: str, limit: int, number: int) -> dict[str, str]:
    """The part of each session of a random draw of `limit` sessions."""
    random = np.random.default_rng([2026, number])
    drawn = [str(one) for one in random.permutation(sorted(types))[:limit]]
    known = [one for one in drawn if types[one] != unseen_type]
    held_out, validation = round(_HELD_OUT * len(known)), round((_HELD_OUT + _VALIDATION) * len(known))
    parts = {one: UNSEEN for one in drawn if types[one] == unseen_type}
    for place, one in enumerate(known):
        parts[one] = KNOWN if place < held_out else VALIDATION if place < validation else TRAIN
    return parts


def _examples(engine: Engine, rows: DataFrame, parts: dict[str, str]) -> Examples:
    from pyspark.sql import functions as F

    split = engine.spark.createDataFrame(sorted(parts.items()), "original_id STRING, split STRING")
    marked = rows.withColumn("original_id", F.split(F.col("session_id"), COPY_MARK)[0])
    return Examples(marked.join(split, "original_id", "inner").drop("original_id"), Counter(parts.values()), ())


def _section(
    manifest: Manifest,
    found: list[tuple[dict[str, float], dict[str, float]]],
    counts: Counter[str],
    sessions: int,
    limit: int,
) -> Section:
    targets = []
    for name, threshold in manifest.thresholds.items():
        values = [metrics[name] for metrics, _ in found]
        met = sum(threshold.holds(value) for value in values)
        bound = f"at least {threshold.minimum:g}" if threshold.minimum is not None else f"at most {threshold.maximum:g}"
        mean = statistics.fmean(values)
        targets.append(
            Target(f"{name} {bound}", f"{_spread(values)}, in {met} of {len(values)} splits", threshold.holds(mean))
        )
    rows = []
    for name in _SHOWN[manifest.name]:
        cells = [_spread([each[which][f"{part}_{name}"] for each in found])
                 for part in (KNOWN, UNSEEN) for which in (0, 1)]  # fmt: skip
        rows.append((name, *cells, _spread([each[0][f"blanked_{name}"] for each in found])))
    drawn = "all" if limit >= sessions else f"{limit} drawn anew for each split"
    return Section(
        f"figures_{manifest.name}" + ("" if limit >= sessions else f"_of_{limit}"),
        f"{manifest.name}: held-out sessions",
        f"{sessions} simulated sessions of the usual mix (seeds from {FIRST_SEED}, through files, parsers and gold), "
        f"{drawn}; {len(found)} random splits by session with about {counts[TRAIN]} to learn from, "
        f"{counts[VALIDATION]} to validate, {counts[KNOWN]} known and {counts[UNSEEN]} unseen to judge by. Mean and "
        "standard deviation over the splits, then the worst and the best.",
        targets,
        [("", ("metric", "known", "rule", "unseen c182", "rule", "known, blanked"), rows)],
    )


def _spread(values: list[float]) -> str:
    known = [value for value in values if value == value]
    if not known:
        return ""
    spread = statistics.stdev(known) if len(known) > 1 else 0.0
    return f"{statistics.fmean(known):.3f} ± {spread:.3f} ({min(known):.3f} to {max(known):.3f})"
