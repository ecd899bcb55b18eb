"""Pictures of analysed sessions, as files to look at."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.settings import Settings
from pipelines.tables.contracts import GOLD_SESSIONS

if TYPE_CHECKING:
    from pipelines.engines.engine import Engine


MOST_PICTURES = 8
"""Drawing one takes about a second."""


def write_pictures(engine: Engine, settings: Settings) -> list[Path]:
    """Draw the newest session that an instructor has labelled, and those without labels, as the models judge them.

    Sessions without labels are a person's own: the newest MOST_PICTURES of them are drawn.
    """
    from pipelines.training.newest_session import analysed_picture

    folder = settings.home / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    columns = ("session_id", "started_at", "labelled_share")
    sessions = engine.table(GOLD_SESSIONS.name).select(*columns).collect()
    sessions.sort(key=lambda row: (str(row["started_at"] or ""), row["session_id"]), reverse=True)
    labelled = [row["session_id"] for row in sessions if row["labelled_share"] > 0]
    unlabelled = [row["session_id"] for row in sessions if not row["labelled_share"]]
    chosen = [("newest-labelled-session", labelled)] if labelled else []
    chosen += [(f"session-{session_id}", [session_id]) for session_id in unlabelled[:MOST_PICTURES]]
    written = []
    for name, session_ids in chosen:
        if png := analysed_picture(engine, settings, session_ids):
            file = folder / f"{name}.png"
            file.write_bytes(png)
            written.append(file)
    return written
