"""On what steps of the local workspaces run, as `PIPELINES_COMPUTE` and `PIPELINES_START_DELAYS` say."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import get_args

from pipelines.remote_settings import SIZES, ComputeKind, LocalCompute
from pipelines.settings import EngineName, InvalidSettingError

COMPUTE, START_DELAYS = "PIPELINES_COMPUTE", "PIPELINES_START_DELAYS"
ON_DATABRICKS: dict[ComputeKind, float] = {"job": 145.0, "pool": 40.0, "serverless": 20.0}
"""Seconds until Databricks' compute is ready, medians."""

_KINDS: tuple[ComputeKind, ...] = get_args(ComputeKind)
_OF_ITS_OWN = ("job", "pool")


def local_compute(variables: Mapping[str, str], engine: EngineName) -> LocalCompute:
    """What the environment variables ask for; by default the warm cluster, and no delay.

    Where delays are given and no compute, steps run on the kind that is named first: else no step would wait.

    Raises:
        InvalidSettingError: one of them cannot be understood, or does not go with the engine.
    """
    given, delayed = variables.get(COMPUTE, ""), variables.get(START_DELAYS, "")
    if engine == "databricks":
        if given or delayed:
            raise InvalidSettingError(
                f"{COMPUTE if given else START_DELAYS} is for the local workspaces. On what steps run on Databricks, "
                "the environment's file says (compute.sizes): unset the variable."
            )
        return LocalCompute()
    delays = _start_delays(delayed)
    default: ComputeKind = "job" if engine == "apache_spark" else "warm"
    first = next(iter(delays)) if delays else default
    kinds = _kinds(given, default) if given else _for_all(first)
    if engine == "apache_spark" and (others := sorted(set(kinds.values()).difference(_OF_ITS_OWN))):
        raise InvalidSettingError(
            f"{COMPUTE if given else START_DELAYS}: a step with Apache Spark has a cluster of its own ("
            f"{' or '.join(_OF_ITS_OWN)}) and cannot run on {', '.join(others)}."
        )
    return LocalCompute(kinds, {str(kind): seconds for kind, seconds in delays.items()})


def _kinds(text: str, default: ComputeKind) -> dict[str, ComputeKind]:
    if "=" not in text:
        return _for_all(_kind(COMPUTE, text.strip(), _KINDS))
    named: dict[str, ComputeKind] = {
        size: _kind(COMPUTE, kind, _KINDS) for size, kind in _pairs(COMPUTE, text, SIZES).items()
    }
    return {size: named.get(size, default) for size in SIZES}


def _for_all(kind: ComputeKind) -> dict[str, ComputeKind]:
    return {size: kind for size in SIZES}  # noqa: C420 (pyright takes the values of `fromkeys` for any text)


def _start_delays(text: str) -> dict[ComputeKind, float]:
    if text.strip() == "databricks":
        return dict(ON_DATABRICKS)
    pairs = _pairs(START_DELAYS, text, ON_DATABRICKS) if text else {}
    return {_kind(START_DELAYS, kind, ON_DATABRICKS): _seconds(seconds) for kind, seconds in pairs.items()}


def _kind(variable: str, text: str, known: Collection[ComputeKind]) -> ComputeKind:
    for kind in known:
        if kind == text:
            return kind
    raise InvalidSettingError(f"{variable}: {text!r} is none of {', '.join(known)}.")


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise InvalidSettingError(f"{START_DELAYS}: {text!r} is no number of seconds.")
    return seconds


def _pairs(variable: str, text: str, names: Collection[str]) -> dict[str, str]:
    """What `name=value,...` says, in the order given; each name once."""
    found: dict[str, str] = {}
    for part in text.split(","):
        name, separator, value = (piece.strip() for piece in part.partition("="))
        if not separator or name not in names:
            raise InvalidSettingError(
                f"{variable}: {part.strip()!r} is none of {', '.join(f'{n}=...' for n in names)}."
            )
        if name in found:
            raise InvalidSettingError(f"{variable}: {name} is named twice.")
        found[name] = value
    return found
