"""The task's program: verify, unpack, set the environment, execute the step, report.

Until the code archive and the payload are verified it uses the standard library only.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import traceback
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from typing import Any

from .redaction import RedactedStream, Redaction
from .shipped_code import StagingError, put_first, unpack, verified
from .step import SUCCESS, run_step
from .writer import SegmentWriter

STAGING, ERROR = "staging", "error"
_LOCAL_DISK = "/local_disk0"
"""Databricks' name of the disk of the driver: hundreds of small files are there sooner than in a task's own folder."""


class StepFailedError(Exception):
    """Ends the task as failed; the step's events say why."""


def main(arguments: list[str], dbutils: Any) -> None:
    """Run the step that the arguments (`name=value`) describe.

    Raises:
        StepFailedError: it did not succeed.
    """
    options = dict(argument.split("=", 1) for argument in arguments)
    scope, _, name = options["event_key"].partition("/")
    key = dbutils.secrets.get(scope, name)
    redaction = Redaction()
    redaction.add([key])
    about = {"code_digest": options["code_digest"], "commit": options["commit"], "dirty": options["dirty"] == "true"}
    writer = SegmentWriter(Path(options["events"]), key.encode(), options["token"], int(options["attempt"]), about)
    # Dagster writes every event to standard error, too; those come back as events already. The run's page has both.
    streams = [RedactedStream(sys.stdout, redaction, writer.output), RedactedStream(sys.stderr, redaction, _nobody)]
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = streams
    disk = _LOCAL_DISK if os.access(_LOCAL_DISK, os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="shipped-", dir=disk))
    error: dict[str, Any] | None = None
    try:
        outcome = _run(options, dbutils, redaction, writer, folder)
    except StagingError as failure:
        outcome, error = STAGING, {"message": str(failure), "trace": ""}
    except BaseException as failure:
        message = redaction.text(f"{type(failure).__name__}: {failure}")
        outcome, error = ERROR, {"message": message, "trace": redaction.text(traceback.format_exc())}
    finally:
        for stream in streams:
            stream.finish()
        sys.stdout, sys.stderr = before
        shutil.rmtree(folder, ignore_errors=True)
    writer.close(outcome, error)
    if outcome != SUCCESS:
        raise StepFailedError(error["message"] if error else f"The step ended in {outcome}: see its events in Dagster.")


def _nobody(_: str) -> None:
    """Standard error stays in the task's own log."""


def _run(options: dict[str, str], dbutils: Any, redaction: Redaction, writer: SegmentWriter, folder: Path) -> str:
    archive = verified(options["code"], options["code_digest"])
    payload = json.loads(verified(options["payload"], options["payload_digest"]))
    modules = unpack(archive, folder)
    if options["bytecode_for"] == MAGIC_NUMBER.hex():
        unpack(verified(options["bytecode"], options["bytecode_digest"]), folder)
    put_first(folder, modules)
    # For code that has workers of its own to give it to.
    os.environ["SHIPPED_CODE"] = str(folder)
    # For what a step writes about where it comes from.
    os.environ["STEP_CODE_DIGEST"] = options["code_digest"]
    os.environ["STEP_DATABRICKS_RUN"] = options["databricks_run"]
    os.environ.update(payload["environment"])
    for variable, (scope, name) in payload["secrets"].items():
        value = dbutils.secrets.get(scope, name)
        redaction.add([value])
        os.environ[variable] = value
    return run_step(payload["step"], lambda document: writer.entry(redaction.document(document)))
