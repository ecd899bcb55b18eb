"""Whose fault a failure is: where it is the commit's or gold's, trying again is of no use until somebody mends it."""

from __future__ import annotations

import traceback

from pipelines.models.manifest import ManifestError
from pipelines.models.protocol import ModelCodeError
from pipelines.tables.attestation import UnattestedHistoryError
from pipelines.training.gold import NoGoldError
from pipelines.training.split import NotEnoughSessionsError

GOLD_FAULTS = (NoGoldError, NotEnoughSessionsError, UnattestedHistoryError)
"""Errors that stay until gold is another: missing, too little to learn from, or changed by nobody knows whom."""


def fault_of_commit(error: BaseException, model: str) -> str | None:
    """What is wrong with the commit, in words for its author; None if the commit is not the reason.

    It is the reason if its manifest or model code cannot be used, or if the error comes from the model's own folder,
    wherever that code ran (Spark tells errors of its Python workers as text).
    """
    folder = f"pipelines/models/{model}/"
    chain = [error]
    while (before := chain[-1].__cause__ or chain[-1].__context__) is not None and before not in chain:
        chain.append(before)
    for one in chain:
        frames = traceback.extract_tb(one.__traceback__)
        inside = [frame for frame in frames if folder in frame.filename]
        if inside:
            where = f"{folder}{inside[-1].filename.rpartition(folder)[2]}, line {inside[-1].lineno}"
            return f"{where}: {type(one).__name__}: {one}"
        if isinstance(one, SyntaxError) and folder in (one.filename or ""):
            place = f"{folder}{(one.filename or '').rpartition(folder)[2]}, line {one.lineno}"
            return f"{place}: {type(one).__name__}: {one.msg}"
        if isinstance(one, (ManifestError, ModelCodeError)):
            return str(one)
        if folder in str(one):
            return f"in a Spark worker: {_last_line(str(one))}"
    return None


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if "Error" in line.split(":")[0]]
    return (errors or lines)[-1]
