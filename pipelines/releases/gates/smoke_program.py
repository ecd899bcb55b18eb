"""The program of the clean process: load the model folder by MLflow, predict its input example, print JSON.

It runs by itself, with no other module of this project at hand.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time

REPETITIONS = 5


def main(folder: str) -> None:
    """Print the predictions and how long loading and predicting took, as one line of JSON."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    import mlflow.pyfunc
    import numpy as np
    from mlflow.models import Model

    started = time.perf_counter()
    model = mlflow.pyfunc.load_model(folder)
    load_seconds = time.perf_counter() - started
    example = Model.load(folder).load_input_example(folder)
    if example is None:
        raise SystemExit("the artifact has no input example: log the model with one.")
    predictions = np.asarray(model.predict(example))
    durations = []
    for _ in range(REPETITIONS):
        started = time.perf_counter()
        model.predict(example)
        durations.append(time.perf_counter() - started)
    print(
        json.dumps(
            {
                "predictions": predictions.tolist(),
                "load_seconds": load_seconds,
                "predict_milliseconds": statistics.median(durations) * 1000.0,
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1])
