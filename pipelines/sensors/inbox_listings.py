"""Listings of the customers' inboxes: in a bucket several at once, since each waits for an answer from far away."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from pipelines.customers.places import INBOX

if TYPE_CHECKING:
    from pipelines.customers.files import CustomerFiles
    from pipelines.landing.uploads import LandedFile

AT_ONCE = 16
"""In a bucket. Few enough that a look that is broken off, or a bucket that is down, has not asked for many in vain."""

Listing = Callable[[], "list[LandedFile]"]
"""Gives the inbox's files, or raises what kept them from being listed."""


def listings(
    inboxes: Mapping[str, CustomerFiles], customers: Iterable[str], at_once: int
) -> Iterator[tuple[str, Listing]]:
    """Each of the customers, in that order, with the listing of the inbox.

    One at a time, an inbox is listed when its listing is asked for; several at once, they are all listed by the time
    the first of them is given, and what is wrong with one is raised by that one's listing alone.
    """
    waiting = iter(customers)
    while group := list(islice(waiting, at_once)):
        asked: list[Listing] = [partial(inboxes[customer].listed, INBOX) for customer in group]
        if at_once > 1:
            with ThreadPoolExecutor(len(group)) as threads:
                asked = [future.result for future in [threads.submit(listing) for listing in asked]]
        yield from zip(group, asked, strict=True)
