"""Which inboxes are worth a look: those in folders that have changed, those with something open, and each now and then.

Listing an inbox costs the more the more requests it has seen, and a tick comes every five seconds at best: Dagster's
daemon goes no faster. Whether a folder has gained or lost a file is told by one question to the file system. So a tick
asks that of every inbox, lists those that answer yes or have something open, and goes on so until the next is due.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipelines.customers.places import INBOX

if TYPE_CHECKING:
    from pipelines.customers.files import CustomerFiles
    from pipelines.settings import Settings

LISTED_AT_LEAST_S = 60.0
"""Each inbox is listed that often whatever its folder says: a file that was written over leaves no trace there."""
WATCH_SECONDS = 4.2
"""How long a tick without a request watches on: one that ended after the next was due would make it miss its turn."""
PAUSE_SECONDS = 0.05
OPEN_AGAIN_S = 1.0
"""A tick that watches looks that often at a request that waits for its session files, or for the run of others."""
_MOST_WATCHING = 10
"""Watching pauses for so many times as long as it has looked."""
_TELLS_APART_NS = 1_000_000_000
"""Two changes of a folder within that may bear one time stamp, so a younger one may not have been the last."""


@dataclass(frozen=True)
class _Listed:
    """An inbox as it was listed last: its folder's last change before that, and when it was, by the monotonic clock."""

    changed_ns: int
    at: float
    is_open: bool
    took_s: float
    is_settled: bool
    """Whether a later change of the folder would bear another time stamp."""


@dataclass
class InboxWatch:
    """What a process knows of inboxes; another one lists them all once."""

    _listed: dict[str, _Listed] = field(default_factory=dict)
    """By customer; of folders alone."""
    _files: dict[tuple[object, str], CustomerFiles] = field(default_factory=dict)
    """By zone and customer."""

    def files_of(self, settings: Settings, customer: str) -> CustomerFiles:
        """The customer's files, as `customer_files` gives them."""
        from pipelines.customers.files import customer_files

        key = settings.customers, customer
        if key not in self._files:
            self._files[key] = customer_files(settings, customer)
        return self._files[key]

    def is_quiet(self, customer: str, files: CustomerFiles) -> bool:
        """Whether nothing was open in the inbox when it was listed, and nothing has come since."""
        known = self._listed.get(customer)
        if known is None or known.is_open or not known.is_settled:
            return False
        return time.monotonic() - known.at <= LISTED_AT_LEAST_S and known.changed_ns == files.changed_ns(INBOX)

    def listed(self, customer: str, changed_ns: int | None, is_open: bool, took_s: float = 0.0) -> None:
        """Remember what a listing found; `changed_ns` is from before it, None where the folder does not tell."""
        self._listed.pop(customer, None)
        if changed_ns is not None:
            is_settled = time.time_ns() - changed_ns > _TELLS_APART_NS
            self._listed[customer] = _Listed(changed_ns, time.monotonic(), is_open, took_s, is_settled)

    def first_to_change(self, inboxes: Mapping[str, CustomerFiles], until: float) -> list[str]:
        """The customers whose inboxes are worth a look first; none if none is until then (monotonic seconds)."""
        watched = [customer for customer in inboxes if customer in self._listed]
        while watched and time.monotonic() + PAUSE_SECONDS < until:
            began = time.monotonic()
            if changed := [customer for customer in watched if self._is_due(customer, inboxes[customer])]:
                return changed
            time.sleep(max(PAUSE_SECONDS, _MOST_WATCHING * (time.monotonic() - began)))
        return []

    def _is_due(self, customer: str, files: CustomerFiles) -> bool:
        known = self._listed[customer]
        rested = time.monotonic() - known.at
        if rested < _MOST_WATCHING * known.took_s:  # accepting a flood changes the folder at every look
            return False
        if known.is_open and rested > OPEN_AGAIN_S:
            return True
        try:
            return files.changed_ns(INBOX) != known.changed_ns
        except OSError:  # whoever looks then finds out what it is
            return True
