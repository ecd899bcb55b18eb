"""Where the real flight logs are, if this machine has them: they have no licence and never enter the project."""

from __future__ import annotations

import os
from pathlib import Path


def real_data_folder() -> Path | None:
    """The folder of real logs: `FLIGHT_DATA`, or `shared/data` beside the checkout; None where absent."""
    given = os.environ.get("FLIGHT_DATA")
    folder = Path(given) if given else Path(__file__).resolve().parents[2] / "shared" / "data"
    return folder if folder.is_dir() else None
