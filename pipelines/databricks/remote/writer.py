"""Writes a step's events as segments while the step runs: soon, but several at a time."""

from __future__ import annotations

import contextlib
import json
import queue
import threading
import time
from pathlib import Path
from typing import Any

from .segments import sealed, segment_name

_FIRST_PAUSE_S, _LONGEST_PAUSE_S, _GROWTH = 0.25, 3.0, 1.15
_MOST_OUTPUT = 1_000_000
_TRIES = 4
_STOP = object()


class SegmentWriter:
    """Collects entries from any thread; a thread of its own writes them.

    The pause between segments grows with their number: the first messages of a step are seen at once, and a step of
    hours does not leave thousands of files.
    """

    def __init__(self, folder: Path, key: bytes, token: str, attempt: int, about: dict[str, Any]) -> None:
        self._folder = folder
        self._key, self._token, self._attempt = key, token, attempt
        self._about = about
        self._sequence = 0
        self._queue: queue.Queue[Any] = queue.Queue()
        self._output_left = _MOST_OUTPUT
        self._failure: BaseException | None = None
        self._batch: list[tuple[str, str]] = []
        folder.mkdir(parents=True, exist_ok=True)
        self._thread = threading.Thread(target=self._work, name="event segments", daemon=True)
        self._thread.start()

    def entry(self, document: str) -> None:
        """Add one entry of the event log, a JSON document."""
        self._queue.put(("entries", document))

    def output(self, text: str) -> None:
        """Add what the step printed, up to a limit for the whole step."""
        if self._output_left > 0:
            self._output_left -= len(text)
            end = "" if self._output_left > 0 else "\n(the rest of the output is on the run's page)\n"
            self._queue.put(("output", text + end))

    def close(self, outcome: str, error: dict[str, Any] | None) -> None:
        """Write what is left and say that this is the end.

        Raises:
            OSError: events could not be written; the control side will see that the end is missing.
        """
        self._queue.put(_STOP)
        self._thread.join()
        if self._failure is not None:
            raise self._failure
        self._write(self._batch, {"outcome": outcome, "error": error})

    def _work(self) -> None:
        pause = _FIRST_PAUSE_S
        try:
            while True:
                item = self._queue.get()
                deadline = time.monotonic() + pause
                while item is not _STOP:
                    self._batch.append(item)
                    try:
                        item = self._queue.get(timeout=max(0.0, deadline - time.monotonic()))
                    except queue.Empty:
                        break
                if item is _STOP:
                    return
                self._write(self._batch, None)
                self._batch = []
                pause = min(pause * _GROWTH, _LONGEST_PAUSE_S)
        except BaseException as error:
            self._failure = error

    def _write(self, batch: list[tuple[str, str]], last: dict[str, Any] | None) -> None:
        self._sequence += 1
        output = "".join(text for kind, text in batch if kind == "output")
        fields = {"about": self._about, "output": output, "last": last}
        # The entries are JSON already: put in as they are, not as quoted text, which would be a tenth longer.
        entries = ",".join(text for kind, text in batch if kind == "entries")
        body = f'{{"entries":[{entries}],{json.dumps(fields)[1:]}'.encode()
        data = sealed(self._key, self._token, self._attempt, self._sequence, body)
        path = self._folder / segment_name(self._sequence)
        for left in reversed(range(_TRIES)):
            try:
                path.write_bytes(data)
                return
            except OSError:
                if not left:
                    raise
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)
                time.sleep(0.5)
