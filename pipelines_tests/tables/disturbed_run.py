"""An ingestion whose day changes under it: files are written and deleted when their digests are taken.

`python -m pipelines_tests.tables.disturbed_run <folder>`; `<folder>` holds landing/ and warehouse/. Its files are read
by processes, which are possible in a process of its own.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from pipelines.engines import open_engine
from pipelines.engines.engine import Engine
from pipelines.tables import session_batch, spreading
from pipelines.tables.ingestion import ingest_sessions
from pipelines_tests.tables.landing_zone import DAY, session_bytes


def ingest_disturbed(engine: Engine, landing: Path) -> None:
    """Ingest; once the digests are known, `changed*` holds another flight, `longer*` is longer and `gone*` is gone."""
    day = landing / "sessions" / DAY.isoformat()
    real = session_batch.append_samples

    def disturbed(*arguments: Any) -> Any:
        for path in day.iterdir():
            if path.name.startswith("changed"):
                path.write_bytes(session_bytes(99))
            elif path.name.startswith("longer"):
                path.write_bytes(path.read_bytes() * 2)
            elif path.name.startswith("gone"):
                path.unlink()
        return real(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session_batch, "append_samples", disturbed)
        ingest_sessions(engine, landing, DAY, "run")


if __name__ == "__main__":
    opened = open_engine("sail", Path(sys.argv[1], "warehouse"))
    spreading._WORTH_PROCESSES = 0
    ingest_disturbed(opened, Path(sys.argv[1], "landing"))
    assert opened.processes is not None
