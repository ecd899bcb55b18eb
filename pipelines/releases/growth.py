"""How much gold has grown since the release that serves was last trained on it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pipelines.releases.record import Record
from pipelines.tables.contracts import GOLD_SESSIONS
from pipelines.tables.history import current_version

if TYPE_CHECKING:
    from pipelines.engines.engine import Engine

_ENDS = ("promoted", "kept", "refused")


@dataclass(frozen=True)
class Growth:
    """Sessions in gold, then and now."""

    release: str
    """The one that serves."""
    gold_version: int
    """Of `main.gold.sessions` now."""
    sessions_now: int
    trained_on_version: int
    sessions_then: int

    @property
    def share(self) -> float:
        """By which share of then there are more sessions now; below 0 where there are fewer."""
        return self.sessions_now / self.sessions_then - 1 if self.sessions_then else float(self.sessions_now > 0)

    @property
    def metadata(self) -> dict[str, Any]:
        """For whoever watches the branch."""
        return {**asdict(self), "share": round(self.share, 4)}


def growth_of(engine: Engine, record: Record) -> Growth | None:
    """Growth since the gold that the release that serves was last judged on; None if nothing serves or gold is gone.

    Judged, not promoted: new versions that a gate refused are not tried again for every session that comes in.
    """
    name = GOLD_SESSIONS.name
    release, pinned = record.current_release, judged_gold(record).get(str(name))
    if release is None or pinned is None or not engine.exists(name):
        return None
    now = current_version(engine, name)
    if pinned > now:
        return None
    return Growth(
        release=release,
        gold_version=now,
        sessions_now=engine.table(name, now).count(),
        trained_on_version=pinned,
        sessions_then=engine.table(name, pinned).count(),
    )


def judged_gold(record: Record) -> dict[str, int]:
    """Gold versions of the newest request of the release that serves which came to an end."""
    asked: dict[str, int] = {}
    judged: dict[str, int] = {}
    for entry in record.entries:
        if entry.release != record.current_release:
            continue
        if entry.transition == "requested":
            asked = entry.evidence.get("gold_versions") or asked
        elif entry.transition in _ENDS:
            judged = asked
    return dict(judged)
