"""The program of the clean process: loads model folders by MLflow and predicts their input examples.

It runs by itself, with no other module of this project at hand. It imports the packages once, then answers each
question in a copy of itself that has seen no other model; it ends when nobody has asked for a while.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import socketserver
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

REPETITIONS = 5
IDLE_S = 120.0
_USUAL = ("mlflow.pyfunc", "mlflow.sklearn", "skops.io", "sklearn.ensemble")
"""What most models need, imported before the first question; what else one needs, it imports itself."""


def answer(folder: str) -> dict[str, Any]:
    """The predictions of the model in `folder` for its own input example, and how long loading and predicting took."""
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
    return {
        "predictions": predictions.tolist(),
        "load_seconds": load_seconds,
        "predict_milliseconds": quickest * 1000.0,
    }


class _Question(socketserver.StreamRequestHandler):
    """A folder that holds `artifact` and an empty `home`; answered by the process id, then by one line of JSON."""

    def handle(self) -> None:
        folder = Path(self.rfile.readline().decode().rstrip("\n"))
        self._say({"process": os.getpid()})
        try:
            home = folder / "home"
            os.environ["HOME"] = str(home)
            os.chdir(home)
            self._say(answer(str(folder / "artifact")))
        except BaseException as error:
            traceback.print_exc()
            self._say({"failed": "".join(traceback.format_exception_only(error))})

    def _say(self, content: dict[str, Any]) -> None:
        self.wfile.write((json.dumps(content) + "\n").encode())


class _Server(socketserver.ForkingMixIn, socketserver.UnixStreamServer):
    timeout = IDLE_S
    idle = False

    def handle_timeout(self) -> None:
        """Nobody asked for as long as it waits."""
        super().handle_timeout()
        self.idle = True


def serve(address: str) -> None:
    """Answer at the Unix socket `address` until nobody asks any more."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    # As in inference, where sessions are judged side by side; and a process with one thread can be copied safely.
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
    # The project may be installed here; the artifact must do without it, as it must wherever it is served.
    sys.modules["pipelines"] = None  # type: ignore[assignment]
    for name in _USUAL:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    with _Server(address, _Question) as server:
        while not server.idle:
            server.handle_request()
        Path(address).unlink(missing_ok=True)


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    # Of this process alone, so that a busy machine does not make a model slow.
    started = time.process_time()
    return work(), time.process_time() - started


if __name__ == "__main__":
    serve(sys.argv[1])
