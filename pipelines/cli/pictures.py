"""Pictures of analysed sessions, as files to look at."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.environments import Settings
from pipelines.tables.contracts import GOLD_SESSIONS

if TYPE_CHECKING:
    from pipelines.engines.engine import Engine


def write_pictures(engine: Engine, settings: Settings) -> list[Path]:
    """Draw the newest session that an instructor has labelled, and the newest without labels, as models judge them."""
    from pipelines.training.newest_session import analysed_picture

    folder = settings.home / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    sessions = engine.table(GOLD_SESSIONS.name).select("session_id", "labelled_share").collect()
    labelled = [row["session_id"] for row in sessions if row["labelled_share"] > 0]
    unlabelled = [row["session_id"] for row in sessions if not row["labelled_share"]]
    written = []
    for name, chosen in (("labelled", labelled), ("unlabelled", unlabelled)):
        if png := analysed_picture(engine, settings, chosen):
            file = folder / f"newest-{name}-session.png"
            file.write_bytes(png)
            written.append(file)
    return written
