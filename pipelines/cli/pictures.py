"""Pictures of analysed sessions, as files to look at."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.environments import Settings
from pipelines.tables.contracts import SILVER_SESSIONS

if TYPE_CHECKING:
    from pipelines.engines.engine import Engine


def write_pictures(engine: Engine, settings: Settings) -> list[Path]:
    """Draw the newest simulated session and the newest recorded in an aircraft, as far as models have judged them."""
    from pipelines.training.newest_session import analysed_picture

    folder = settings.home / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    sessions = engine.table(SILVER_SESSIONS.name).select("session_id", "device_kind").collect()
    written = []
    for kind in sorted({row["device_kind"] or "unknown" for row in sessions}):
        chosen = [row["session_id"] for row in sessions if (row["device_kind"] or "unknown") == kind]
        if png := analysed_picture(engine, settings, chosen):
            file = folder / f"{kind}-session.png"
            file.write_bytes(png)
            written.append(file)
    return written
