"""A registered artifact, loaded and asked in a process that has nothing but it and the installed packages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TIME_LIMIT_S = 300.0
_PROGRAM = Path(__file__).with_name("smoke_program.py")


class SmokeFailedError(Exception):
    """The artifact cannot be loaded or asked; the message ends with what the process said last."""


@dataclass(frozen=True)
class Smoke:
    """What the process found."""

    predictions: list[Any]
    """The answer to the artifact's own input example."""
    load_seconds: float
    """Of one core, without the import of packages."""
    predict_milliseconds: float
    """Of one core: the quickest of several predictions of the input example."""


def smoke(folder: Path, time_limit_s: float = TIME_LIMIT_S) -> Smoke:
    """Ask the artifact in `folder` for its input example, with PATH and HOME as the only environment.

    HOME is an empty folder, the working directory too: a model that needs the project's files, a setting or a
    credential fails here and not at a customer's.

    Raises:
        SmokeFailedError: it fails, or does not answer in time.
    """
    with tempfile.TemporaryDirectory(prefix="smoke_") as home:
        # -I: neither the current folder nor variables for Python lead to code of this project.
        command = [sys.executable, "-I", str(_PROGRAM), str(folder.resolve())]
        environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": home}
        try:
            done = subprocess.run(
                command, env=environment, cwd=home, capture_output=True, text=True, timeout=time_limit_s, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise SmokeFailedError(f"it gave no answer within {time_limit_s:g} s.") from error
    if done.returncode != 0:
        raise SmokeFailedError(_last_words(done.stderr) or f"its process ended with {done.returncode}.")
    found = json.loads(done.stdout.splitlines()[-1])
    return Smoke(found["predictions"], found["load_seconds"], found["predict_milliseconds"])


def _last_words(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " ".join(lines[-2:])[-600:]
