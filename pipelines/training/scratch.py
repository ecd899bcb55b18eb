"""Where a step keeps what it computes once and reads again."""

from __future__ import annotations

import tempfile
from pathlib import Path

from pipelines.settings import Settings


def scratch_folder(settings: Settings) -> Path:
    """A folder that all workers of the step's engine see."""
    return settings.scratch or Path(tempfile.gettempdir(), "pipelines")
