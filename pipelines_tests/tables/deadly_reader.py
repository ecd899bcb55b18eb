"""A reader that does not survive some files, for `test_reader_trial`.

`python -m pipelines_tests.tables.deadly_reader` is the trial with this reader, and with `<folder> <threads|processes>`
an ingestion whose files are read by these.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any


def arm() -> None:
    """Make this process's reader die of files named `deadly*` and never finish those named `endless*`."""
    from pipelines.flight.formats import read

    real = read._raw

    def deadly(name: str, *arguments: Any) -> Any:
        if name.startswith("deadly"):
            os.abort()
        if name.startswith("endless"):
            time.sleep(3600)
        return real(name, *arguments)

    read._raw = deadly


if __name__ == "__main__":
    arm()
    if len(sys.argv) > 1:
        from pipelines.engines import open_engine
        from pipelines.tables import spreading
        from pipelines.tables.ingestion import ingest_sessions
        from pipelines_tests.tables.landing_zone import DAY

        folder = Path(sys.argv[1])
        if sys.argv[2] == "processes":
            spreading._WORTH_PROCESSES = 0
        ingest_sessions(open_engine("sail", folder / "warehouse"), folder / "landing", DAY, "run")
    else:
        from pipelines.tables import reader_trial

        reader_trial.main()
