"""What identifies a training: digests of the code, the features and the environment."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pipelines.models.manifest import Manifest

_PACKAGE = Path(__file__).resolve().parents[1]
_LOCK = _PACKAGE.parent / "requirements" / "runtime.lock"
"""Shipped with the code."""
_LIBRARIES = ("scikit-learn", "numpy", "pandas", "pyspark", "pysail", "skops", "mlflow")
_MAKING = ("dropout", "evaluate", "examples", "gold", "inference", "judging", "making", "split")
"""Modules of the training that a version depends on; pictures and cards may change without a new version."""
PINNED_REQUIREMENTS = ("scikit-learn", "numpy", "pandas", "skops")
"""What loading a saved estimator needs."""


def requirements() -> list[str]:
    """`name==version` of PINNED_REQUIREMENTS, as installed."""
    return [f"{name}=={version(name)}" for name in PINNED_REQUIREMENTS]


def features_digest(manifest: Manifest) -> str:
    """Digest of all that turns gold into predictions with a given estimator: the model's folder, its
    parameters, and the domain rules that it may use."""
    files = [*(_PACKAGE / "models" / manifest.name).rglob("*.py"), *(_PACKAGE / "flight").glob("*.py")]
    return digest_of({"files": _contents(files), "parameters": manifest.parameters})


def code_digest(manifest: Manifest) -> str:
    """Digest of the code that makes a version: `features_digest`, how it is trained, and by which code."""
    files = [_PACKAGE / "training" / f"{module}.py" for module in _MAKING]
    training = manifest.training.model_dump()
    channels = [manifest.required_channels, manifest.optional_channels]
    return digest_of(
        {"features": features_digest(manifest), "files": _contents(files), "training": training, "channels": channels}
    )


def environment_digest(engine: str) -> str:
    """Digest of the lock file, and of the interpreter, the libraries and the engine that really make a version."""
    locked = hashlib.sha256(_LOCK.read_bytes()).hexdigest() if _LOCK.is_file() else None
    return digest_of(
        {
            "python": platform.python_version(),
            "engine": engine,
            "libraries": {name: version(name) for name in _LIBRARIES},
            "lock_file": locked,
        }
    )


def digest_of(value: Mapping[str, Any]) -> str:
    """First 32 hexadecimal digits of the SHA-256 of the value as sorted JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:32]


def _contents(files: Iterable[Path]) -> dict[str, str]:
    return {
        str(file.relative_to(_PACKAGE)): hashlib.sha256(file.read_bytes().replace(b"\r\n", b"\n")).hexdigest()
        for file in sorted(set(files))
    }
