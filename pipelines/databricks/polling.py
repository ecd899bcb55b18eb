"""Follows a remote run to its end: its events as they come, its state as often as is polite."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pipelines.databricks.events import EventReader, Segment
from pipelines.databricks.failures import UnreachableError
from pipelines.databricks.states import RunState


@dataclass(frozen=True)
class Rhythm:
    """How often to look: soon at first, because warm clusters answer in a moment, then ever more rarely."""

    first_s: float = 0.22
    growth: float = 1.18
    longest_s: float = 2.0
    ending_s: float = 0.06
    """Between looks once the step has said that it is done: the run ends in a moment, or its cluster is shut down."""
    unknown_limit_s: float = 600.0
    """How long a state that this version does not know may last before the step gives up waiting."""
    settling_s: float = 20.0
    """How long the rest of a segment of events may be missing before the step gives up waiting."""

    def pauses(self, first: float) -> Iterator[float]:
        """Seconds to wait before each look."""
        pause = first
        while True:
            yield pause
            pause = min(pause * self.growth, self.longest_s)


def follow(
    look: Callable[[], RunState],
    reader: EventReader,
    sleep: Callable[[float], None],
    rhythm: Rhythm,
) -> Iterator[Segment | RunState]:
    """Every segment in order, and every change of the run's state; the last thing is the state in which it ended.

    Raises:
        UnreachableError: the workspace does not answer, or the run stays in a state that is not known.
        UntrustedEventsError: an event was not written by the step.
    """
    shown: RunState | None = None
    unknown_since: float | None = None
    said_last = False
    pauses = rhythm.pauses(rhythm.first_s)
    while True:
        sleep(next(pauses))
        while not said_last and (segment := reader.next()) is not None:
            yield segment
            if segment.last is not None:
                said_last = True
                pauses = rhythm.pauses(rhythm.ending_s)
        state = look()
        if state.ended:
            # What the task wrote in its last moment may be seen only now.
            yield from _rest(reader, sleep, said_last)
            yield state
            return
        if shown is None or state.life_cycle != shown.life_cycle:
            shown = state
            yield state
        unknown_since = (unknown_since or time.monotonic()) if state.unknown else None
        if unknown_since is not None and time.monotonic() - unknown_since > rhythm.unknown_limit_s:
            raise UnreachableError(
                f"The remote run is in state {state.life_cycle!r}, which is not known, for more than "
                f"{rhythm.unknown_limit_s:g} s. It was left alone; see {state.url}"
            )


def _rest(reader: EventReader, sleep: Callable[[float], None], said_last: bool) -> Iterator[Segment]:
    while not said_last:
        segment = reader.next()
        if segment is not None:
            yield segment
            said_last = segment.last is not None
        elif reader.waits_for_rest:
            # It gives up by itself.
            sleep(0.2)
        else:
            return
