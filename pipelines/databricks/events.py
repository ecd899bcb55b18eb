"""Reads a step's events from the staging volume: each segment once, and only if the step itself wrote it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pipelines.databricks.failures import UntrustedEventsError
from pipelines.databricks.remote.segments import ForgedSegmentError, IncompleteSegmentError, opened, segment_name


@dataclass(frozen=True)
class Segment:
    """What one segment holds. Nothing of it is Dagster's yet: entries are JSON documents."""

    entries: list[dict[str, Any]]
    output: str
    about: dict[str, Any]
    last: dict[str, Any] | None
    """Outcome and error, if this is the end."""


class EventReader:
    """The segments of one attempt, in order.

    One that stays incomplete for longer than `settling_s` counts as never to be completed.
    """

    def __init__(
        self, read: Callable[[str], bytes | None], folder: str, key: bytes, token: str, attempt: int, settling_s: float
    ) -> None:
        self._read = read
        self._folder = folder
        self._key, self._token, self._attempt = key, token, attempt
        self._settling_s = settling_s
        self._sequence = 1
        self._incomplete_since: float | None = None
        self.bytes_read = 0

    def next(self) -> Segment | None:
        """The next segment, or None while it is not there or not whole.

        Raises:
            UntrustedEventsError: there is a file in its place that the step did not write; it was not parsed.
            UnreachableError, RefusedError: the volume cannot be read.
        """
        path = f"{self._folder}/{segment_name(self._sequence)}"
        data = self._read(path)
        if data is None:
            return None
        self.bytes_read += len(data)
        try:
            body = opened(self._key, self._token, self._attempt, self._sequence, data)
        except IncompleteSegmentError as error:
            since = self._incomplete_since = self._incomplete_since or time.monotonic()
            if time.monotonic() - since > self._settling_s:
                raise UntrustedEventsError(f"{path} stays incomplete: {error}. It was not read any further.") from None
            return None
        except ForgedSegmentError as error:
            raise UntrustedEventsError(
                f"{path} was not written by this step: {error}. It was rejected unread. Somebody else can write to the "
                "staging volume: check its grants, and remove the file."
            ) from None
        self._sequence += 1
        self._incomplete_since = None
        content = json.loads(body)
        return Segment(content["entries"], content["output"], content["about"], content["last"])

    @property
    def waits_for_rest(self) -> bool:
        """Whether part of a segment was seen and its rest is missing."""
        return self._incomplete_since is not None
