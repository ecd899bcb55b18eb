"""Finding the file that kills or hangs its reader, after a run has died while it parsed.

Sail parses in this very process: a reader that crashes takes the run with it, and one that never ends keeps it.
So a run notes which files it is about to parse, and takes the note away once they are in silver. A run that finds
such a note first reads those files in a process apart, one by one and against the clock, and puts aside the ones
that their reader does not survive. That costs nothing until a run has died.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.tables.landed_files import LandedFile, read_as_listed

if TYPE_CHECKING:
    from pipelines.engines.engine import Engine
    from pipelines.tables.session_parsing import Refusal

COMMAND = [sys.executable, "-m", "pipelines.tables.reader_trial"]
SECONDS_PER_FILE = 120.0
"""The largest file that the caps admit takes a tenth of this on one slow core."""
STARTING_SECONDS = 60.0


class TrialError(RuntimeError):
    """The process that tries readers could not even begin, which says nothing about any file."""


class ParsingNote:
    """The note of which digests of an upload day a run is about to parse; survives the run's death."""

    def __init__(self, engine: Engine, upload_day: date) -> None:
        self._path = engine.work / f"parsing-{upload_day.isoformat()}.json"

    def left_behind(self) -> set[str]:
        """The digests that a run which died was parsing."""
        try:
            return set(json.loads(self._path.read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError):
            return set()

    def write(self, digests: set[str]) -> None:
        """Note that these are about to be parsed."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_suffix(".part")
        draft.write_text(json.dumps(sorted(digests)), encoding="utf-8")
        draft.replace(self._path)

    def remove(self) -> None:
        """Note that they are done, or that the run ended in a way that none of them can have caused."""
        self._path.unlink(missing_ok=True)


def deadly_files(files: dict[str, LandedFile], maps: tuple[Path, ...]) -> dict[str, Refusal]:
    """Those of the files (by digest) that kill their reader or keep it longer than `SECONDS_PER_FILE`."""
    left = list(files)
    found: dict[str, Refusal] = {}
    while left:
        survived, problem = _try(left, files, maps)
        left = left[survived:]
        if problem is not None:
            found[left[0]] = _refusal(files[left[0]], problem)
            left = left[1:]
    return found


def _refusal(file: LandedFile, problem: str) -> Refusal:
    from pipelines.tables.session_parsing import Refusal

    return Refusal(
        "reader_died",
        f"Reading {file.name} {problem}, and took the whole run with it before.",
        "file",
        "Send the file to the maintainers of this project: no file may break a reader.",
    )


def _try(digests: list[str], files: dict[str, LandedFile], maps: tuple[Path, ...]) -> tuple[int, str | None]:
    """How many of the files their reader survives in a row, and what the next one does to it."""
    listed = [
        [file.file_path, file.file_version, file.size_bytes, file.address] for file in map(files.get, digests) if file
    ]
    task = json.dumps({"files": listed, "maps": [str(place) for place in maps]}).encode()
    # In a workspace's task the code was shipped, and only this process's path leads to it.
    variables = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    with (
        tempfile.TemporaryFile() as words,
        subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=words, env=variables) as trial,
    ):
        assert trial.stdin is not None
        assert trial.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            trial.stdin.write(task)
            trial.stdin.close()
        survived = -1  # the first line says that the process has begun
        deadline = time.monotonic() + SECONDS_PER_FILE + STARTING_SECONDS
        while survived < len(digests):
            ready, _, _ = select.select([trial.stdout], [], [], max(0.0, deadline - time.monotonic()))
            line = os.read(trial.stdout.fileno(), 65536) if ready else b""
            if survived < 0 and not line:
                trial.kill()
                words.seek(0)
                raise TrialError(f"Readers cannot be tried in a process apart: {words.read().decode()[-1000:]}")
            if not ready:
                trial.kill()
                return survived, f"took longer than {SECONDS_PER_FILE:g} seconds"
            if not line:
                return survived, f"ended its process with code {trial.wait()}"
            survived += line.count(b"\n")
            deadline = time.monotonic() + SECONDS_PER_FILE
    return survived, None


def main() -> None:
    """Read the files that stand on standard input, and say after each that it was survived."""
    from pipelines.flight.formats import read_session

    task = json.load(sys.stdin)
    print(flush=True)
    for file_path, file_version, size_bytes, address in task["files"]:
        file = LandedFile(file_path, file_version, size_bytes, address)
        with contextlib.suppress(Exception):  # whatever a reader raises, the parse pass can handle
            read_session(file.name, read_as_listed(file), tuple(Path(place) for place in task["maps"]))
        print(flush=True)


if __name__ == "__main__":
    main()
