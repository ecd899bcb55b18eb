"""Which inboxes are worth a look: those in folders that have changed, those with something open, and each now and then.

Listing an inbox costs the more the more requests it has seen, and a tick comes every five seconds at best: Dagster's
daemon goes no faster. Whether a folder has gained or lost a file is told by one question to the file system. So a tick
asks that of every inbox, lists those that answer yes, and goes on asking until the next tick is due.
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
WATCH_SECONDS = 3.0
"""How long a tick without a request watches on: other sensors, which take turns with it, keep their five seconds."""
PAUSE_SECONDS = 0.25
_TELLS_APART_NS = 1_000_000_000
"""Two changes of a folder within that may bear one time stamp, so a younger one may not have been the last."""


@dataclass
class InboxWatch:
    """What a process knows of inboxes; another one lists them all once."""

    _quiet: dict[str, tuple[int, float]] = field(default_factory=dict)
    """By customer: when its inbox last changed, and when it was listed; of those alone in which nothing is open."""
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
        known = self._quiet.get(customer)
        if known is None or time.monotonic() - known[1] > LISTED_AT_LEAST_S:
            return False
        return known[0] == files.changed_ns(INBOX)

    def listed(self, customer: str, changed_ns: int | None, is_open: bool) -> None:
        """Remember what a listing found; `changed_ns` is from before it."""
        self._quiet.pop(customer, None)
        if not is_open and changed_ns is not None and time.time_ns() - changed_ns > _TELLS_APART_NS:
            self._quiet[customer] = changed_ns, time.monotonic()

    def first_to_change(self, inboxes: Mapping[str, CustomerFiles], until: float) -> list[str]:
        """The customers whose quiet inboxes change first; none if none does until then (monotonic seconds)."""
        watched = [customer for customer in inboxes if customer in self._quiet]
        while watched and time.monotonic() + PAUSE_SECONDS < until:
            time.sleep(PAUSE_SECONDS)
            if changed := [customer for customer in watched if self._has_changed(customer, inboxes[customer])]:
                return changed
        return []

    def _has_changed(self, customer: str, files: CustomerFiles) -> bool:
        try:
            return files.changed_ns(INBOX) != self._quiet[customer][0]
        except OSError:  # whoever looks then finds out what it is
            return True
