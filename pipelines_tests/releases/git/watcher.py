"""A watcher of a branch whose outside record the test keeps."""

from __future__ import annotations

from dataclasses import replace

from pipelines.releases.git.cursor import Cursor
from pipelines.releases.git.decision import Release
from pipelines.releases.git.mirror import Mirror
from pipelines.releases.git.record import InFlight, Record
from pipelines.releases.git.watch import Look, Policy, look

NOW = 1_000_000.0


class Watcher:
    """A sensor with its record, moved on as the later stages would move it."""

    def __init__(self, mirror: Mirror, policy: Policy | None = None) -> None:
        self.mirror, self.policy, self.now = mirror, policy or Policy(), NOW
        self.cursor, self.record = Cursor(), Record()

    def look(self, after: float = 15.0) -> Look:
        self.now += after
        found = look(self.mirror, self.policy, self.record, self.cursor, self.now)
        self.cursor = Cursor.load(found.cursor.dump())
        return found

    def started(self, release: Release) -> None:
        self.record = replace(self.record, in_flight=InFlight(release.commit, release.attempt), tip=release.commit)

    def succeeded(self) -> None:
        assert self.record.in_flight
        commit = self.record.in_flight.commit
        self.record = replace(
            self.record, in_flight=None, current=commit, released=self.record.released | {commit}, attempts={}
        )

    def release(self) -> Look:
        found = self.look()
        assert isinstance(found.decision, Release), found.decision
        self.started(found.decision)
        self.succeeded()
        return found
