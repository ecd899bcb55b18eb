"""The simulated sessions that lie in a landing zone, by the seeds that their names hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from pipelines.landing import Address, LandedFile, uploads_at

_NAMES = {
    "garmin": re.compile(r"log_.*_S(\d{5,})\.csv"),
    "csv": re.compile(r"ftd_.*_(\d{6,})\.csv"),
    "parquet": re.compile(r"ftd_.*_(\d{6,})\.parquet"),
}


@dataclass(frozen=True)
class SimulatedFile:
    """A simulated session's file."""

    seed: int
    day: str
    """Name of the upload day that it lies in."""
    file_format: str
    landing: Address
    file: LandedFile

    def unlike(self, day: date | None, aircraft: str | None, file_format: str | None) -> str | None:
        """In what it differs from what is asked for, in words; None if in nothing. What is None is not asked for."""
        if day is not None and day.isoformat() != self.day:
            return f"lies under {self.day}, not {day}"
        if file_format is not None and file_format != self.file_format:
            return f"is in format {self.file_format}, not {file_format}"
        if aircraft is not None and aircraft != (flown := self.aircraft()):
            return f"is of a {flown or 'type unknown'}, not a {aircraft}"
        return None

    def aircraft(self) -> str | None:
        """The aircraft type that was flown, which only the file's content tells; None if it cannot be read."""
        from pipelines.flight.formats import QuarantineError, read_session

        content = uploads_at(self.landing / "sessions").read(self.file)
        try:
            return read_session(self.file.name, content).aircraft_type
        except QuarantineError:
            return None


def simulated_files(landing: Address) -> Iterator[SimulatedFile]:
    """The files of a landing zone that have names as the simulator gives them."""
    for file in uploads_at(landing / "sessions").files():
        day = file.file_path.partition("/")[0]
        for file_format, pattern in _NAMES.items():
            if found := pattern.fullmatch(file.name):
                yield SimulatedFile(int(found[1]), day, file_format, landing, file)
