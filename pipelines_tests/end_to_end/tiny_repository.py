"""A repository of this project's own code with one model that is trained in a moment, and people who push to it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from pipelines.cli.instance import PROJECT
from pipelines_tests.releases.git.origin import Origin

MODEL = "tiny"
WAITS = "import time; time.sleep(300)"
"""A spoil that keeps a training from ending."""
_SHIPPED = ("pipelines", "requirements", "pyproject.toml")

_MANIFEST = """\
name: {name}
owner: flight-data-science
description: Whether the aircraft flies fast, told from its speed; made to be learned in a moment.
gold_tables: [main.gold.sessions, main.gold.flight_samples]
primary_metric: known_accuracy
thresholds:
  known_accuracy: {{minimum: {minimum}}}
required_channels: [indicated_airspeed_kt]
training:
  unseen_aircraft_type: c182
  channel_dropout: {{copies: 0}}
prediction:
  table: {name}_judgements
  comment: Seconds with the probability of flying fast.
  key: [second]
  columns:
    - {{name: second, type: BIGINT, comment: Second of the session., nullable: false}}
    - {{name: fast_probability, type: DOUBLE, comment: "Probability, 0 to 1."}}
compute: {{size_class: small, time_limit_minutes: {minutes}}}
"""

_CODE = '''\
"""Whether the aircraft flies fast."""

import numpy as np
import pandas as pd
from pyspark.sql import functions as F
from sklearn.linear_model import LogisticRegression

from pipelines.models.protocol import Evaluation

FEATURES = ("indicated_airspeed_kt",)
LABEL = "is_fast"
EXAMPLE_KEY = ("second",)
SKOPS_TRUSTED_TYPES = ()
FEATURE_GROUPS = {{name: (name,) for name in FEATURES}}


def features(gold, parameters):
    samples = gold["flight_samples"].where((F.col("second") % 10 == 0) & F.col("indicated_airspeed_kt").isNotNull())
    samples = samples.select("session_id", "second", "indicated_airspeed_kt")
    samples = samples.withColumn("is_fast", F.col("indicated_airspeed_kt") > 60)
    return samples.join(gold["sessions"].select("session_id", "aircraft_type"), "session_id")


def fit(examples, parameters):
    table = examples.toPandas().sort_values(["session_id", "second"], kind="stable")
    estimator = LogisticRegression(C={strength}, max_iter=200)
    estimator.fit(table[list(FEATURES)].to_numpy(), table[LABEL].to_numpy(dtype=bool))
    {spoil}
    return estimator


def predict(estimator, features, parameters):
    probabilities = estimator.predict_proba(features[list(FEATURES)].to_numpy())[:, 1]
    return pd.DataFrame({{"second": features["second"], "fast_probability": probabilities}})


def baseline(features, parameters):
    return pd.DataFrame({{"second": features["second"], "fast_probability": np.full(len(features), 0.5)}})


def evaluate(examples, predictions, parameters):
    found = examples.merge(predictions, on=["session_id", "second"])
    right = (found["fast_probability"] > 0.5) == found[LABEL].astype(bool)
    known = found["fast_probability"].notna()
    return Evaluation({{"accuracy": float(right[known].mean()) if known.any() else float("nan")}})
'''


def model_files(
    name: str = MODEL, strength: float = 1.0, spoil: str = "", minimum: float = 0.5, minutes: float = 10
) -> dict[str, str]:
    """A model folder.

    Args:
        strength: a parameter of its fit, so that commits differ.
        spoil: a statement that is run after the fit.
        minimum: accuracy that its gate asks for.
        minutes: its time limit.
    """
    folder = f"pipelines/models/{name}"
    return {
        f"{folder}/__init__.py": "",
        f"{folder}/model.yaml": _MANIFEST.format(name=name, minimum=minimum, minutes=minutes),
        f"{folder}/model.py": _CODE.format(strength=strength, spoil=spoil or "pass"),
    }


class TinyRepository(Origin):
    """The repository below `root`, empty of commits but with this project's files laid out."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True)
        super().__init__(root)
        for name in _listed():
            target = self.work / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(PROJECT / name, target)

    def drop(self, model: str, message: str) -> str:
        """Push a commit without that model."""
        self.git("rm", "-r", "-q", f"pipelines/models/{model}")
        return self.commit(message=message)


def _listed() -> list[str]:
    """The project's files as they are now, but for its own models."""
    listed = subprocess.run(
        ["git", "-C", str(PROJECT), "ls-files", "--cached", "--others", "--exclude-standard", *_SHIPPED],
        capture_output=True,
        text=True,
        check=True,
    )
    models = "pipelines/models/"
    return [
        name
        for name in listed.stdout.splitlines()
        if (PROJECT / name).is_file() and not (name.startswith(models) and "/" in name.removeprefix(models))
    ]
