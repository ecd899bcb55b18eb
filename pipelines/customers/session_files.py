"""A customer's session files by name, with as few questions to where they lie as there can be."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from pipelines.customers.files import CustomerFiles
from pipelines.customers.places import SESSIONS
from pipelines.landing.uploads import LandedFile

MOST_FILES_LOOKED_AT = 20
"""Names that are looked at one by one, each a request of its own in a bucket; of more the folder is listed."""


@dataclass
class SessionFiles:
    """The files as they are at one look: however often many are asked for, the folder is listed once."""

    files: CustomerFiles
    _listed: dict[str, LandedFile] | None = None

    def named(self, names: Collection[str]) -> Iterator[tuple[str, LandedFile | None]]:
        """Each name with its file, None where there is none."""
        if len(names) <= MOST_FILES_LOOKED_AT:
            yield from ((name, self.files.look(f"{SESSIONS}/{name}")) for name in names)
            return
        if self._listed is None:
            self._listed = {file.file_path: file for file in self.files.listed(SESSIONS)}
        for name in names:
            yield name, self._listed.get(f"{SESSIONS}/{name}")
