"""The program of the clean process: load the model folder by MLflow, predict its input example, print JSON.

It runs by itself, with no other module of this project at hand.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

REPETITIONS = 5


def main(folder: str) -> None:
    """Print the predictions and how long loading and predicting took, as one line of JSON."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["OMP_NUM_THREADS"] = "1"  # as in inference, where sessions are judged side by side
    # The project may be installed here; the artifact must do without it, as it must wherever it is served.
    sys.modules["pipelines"] = None  # type: ignore[assignment]
    import mlflow.pyfunc
    import numpy as np
    from mlflow.models import Model

    mlflow.pyfunc.load_model(folder)  # the first one imports packages, which a server does once for all its models
    model, load_seconds = _timed(lambda: mlflow.pyfunc.load_model(folder))
    example = Model.load(folder).load_input_example(folder)
    if example is None:
        raise SystemExit("the artifact has no input example: log the model with one.")
    predictions = np.asarray(model.predict(example))
    quickest = min(_timed(lambda: model.predict(example))[1] for _ in range(REPETITIONS))
    print(
        json.dumps(
            {
                "predictions": predictions.tolist(),
                "load_seconds": load_seconds,
                "predict_milliseconds": quickest * 1000.0,
            }
        )
    )


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    # Of this process alone, so that a busy machine does not make a model slow.
    started = time.process_time()
    return work(), time.process_time() - started


if __name__ == "__main__":
    main(sys.argv[1])
