"""One registered version, looked up and loaded: a function for whichever process does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.models.protocol import load_model_code
from pipelines.settings import Settings
from pipelines.training.inference import load_estimator
from pipelines.training.registry import connect, registered_name, saved_estimator


@dataclass(frozen=True)
class Version:
    """A version as judging needs it."""

    model: str
    number: int
    tags: Mapping[str, str]
    saved: bytes
    """Its estimator as the registry has it."""
    estimator: Any


def loaded_version(asked: tuple[Settings, str, int]) -> Version | None:
    """The version of that model and number; None if it cannot be loaded, whatever the reason."""
    settings, model, number = asked
    try:
        described = connect(settings).get_model_version(registered_name(settings, model), str(number))
        saved = saved_estimator(settings, model, number)
        estimator = load_estimator(saved, load_model_code(model).SKOPS_TRUSTED_TYPES)
    except Exception:
        return None
    return Version(model, number, dict(described.tags), saved, estimator)
