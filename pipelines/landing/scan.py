"""Finding the upload days that have changed, at a cost that does not grow with what is known.

Nothing but a listing tells whether something came late to a past day or was overwritten there, and listing all of
a large bucket at every tick would cost minutes and money. So a tick lists

- today and yesterday, where nearly everything arrives, and the days that wait for their run, and
- in turns some of the other days, those never seen first,

each up to a number of pages. A day too large for one tick's share is listed on at the next one from where this one
stopped. What arrives meanwhile in the part that is listed already is seen in the next round.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, cast

from pipelines.landing.listing import DayListing, Kind
from pipelines.landing.uploads import Uploads

Place = tuple[str, Kind]
"""Upload day and kind."""

MOST_WAITING = 10
"""With so many days waiting for their run, no others are looked for."""


@dataclass
class Memory:
    """What earlier ticks have seen; as text it is the sensor's cursor."""

    seen: dict[str, dict[Kind, str]] = field(default_factory=dict)
    """Digest of each kind of a day when its run was asked for."""
    waiting: list[str] = field(default_factory=list)
    """Days found changed whose run has not been asked for yet."""
    turns: dict[str, str] = field(default_factory=dict)
    """`<day>/<kind>` that is next among the recent places and among the others; absent: the first."""
    begun: dict[str, list[Any]] = field(default_factory=dict)
    """Of each place whose listing was not finished: the listing so far and where to go on."""

    @classmethod
    def from_text(cls, text: str | None) -> Memory:
        """What `to_text` wrote; nothing seen if there is none."""
        values = json.loads(text) if text else {}
        scan = values.pop("scan", {})
        return cls(values, scan.get("waiting", []), scan.get("turns", {}), scan.get("begun", {}))

    def to_text(self) -> str:
        """The same in a form that does not change unless something has."""
        scan = {"waiting": self.waiting, "turns": self.turns, "begun": self.begun}
        rest = {name: value for name, value in scan.items() if value}
        return json.dumps({**self.seen, **({"scan": rest} if rest else {})}, sort_keys=True)

    def forget_all_but(self, present: Iterable[Place]) -> None:
        """Forget what lies in the landing zone no more."""
        kept = set(present)
        self.seen = {
            day: digests
            for day, known in self.seen.items()
            if (digests := dict[Kind, str]((kind, digest) for kind, digest in known.items() if (day, kind) in kept))
        }
        self.waiting = [day for day in self.waiting if any(day == other for other, _ in kept)]
        self.begun = {name: value for name, value in self.begun.items() if _place(name) in kept}


def scan(
    uploads: Mapping[Kind, Uploads], days: Mapping[Kind, Sequence[str]], memory: Memory, today: date
) -> dict[Place, DayListing]:
    """List what this tick may list; returns the places whose listing is complete now. Empty ones are left out.

    `days` are the upload days that exist, as ISO dates. `memory` takes notes of whose turn comes next.
    """
    places: list[Place] = sorted((day, kind) for kind, names in days.items() for day in names)
    memory.forget_all_but(places)
    pages_per_tick = min(each.pages_per_tick for each in uploads.values())
    recent_days = {today.isoformat(), (today - timedelta(days=1)).isoformat(), *memory.waiting}
    found, _ = _take_turns(
        uploads, [each for each in places if each[0] in recent_days], memory, "recent", pages_per_tick
    )
    if len(memory.waiting) < MOST_WAITING:
        others = [each for each in places if each[0] not in recent_days]
        unseen: list[Place] = [(day, kind) for day, kind in others if kind not in memory.seen.get(day, {})]
        # Half at most, so that days of which nothing is ever seen (all uploads unfinished) do not keep out the rest.
        first, left = _take_turns(uploads, unseen, memory, "unseen", pages_per_tick // 2)
        left += pages_per_tick - pages_per_tick // 2
        rest, _ = _take_turns(uploads, [each for each in others if each not in first], memory, "others", left)
        found |= first | rest
    empty = [place for place, listing in found.items() if not listing.file_count]
    for day, kind in empty:
        del found[day, kind]
        memory.seen.get(day, {}).pop(kind, None)
    left_empty = {day for day, _ in empty} - {day for day, _ in found}
    memory.waiting = [day for day in memory.waiting if day not in left_empty]
    memory.seen = {day: digests for day, digests in memory.seen.items() if digests}
    return found


def _take_turns(
    uploads: Mapping[Kind, Uploads], places: list[Place], memory: Memory, who: str, pages: int
) -> tuple[dict[Place, DayListing], int]:
    """List the places, each once, from the one whose turn it is on, as far as the pages go; and the pages left."""
    turn = memory.turns.pop(who, "")
    found: dict[Place, DayListing] = {}
    for place in [*(each for each in places if _name(each) >= turn), *(each for each in places if _name(each) < turn)]:
        if pages <= 0:
            memory.turns[who] = _name(place)
            break
        listing, after = _begun(memory, place)
        for page in uploads[place[1]].pages(place[0], after):
            pages -= 1
            listing, after = listing.plus(page.files), page.last
            if pages <= 0:
                break
        if after is None:
            found[place] = listing
        else:
            memory.begun[_name(place)] = [
                listing.file_count, listing.byte_count, listing.newest_modification_ns, listing.checksum, after
            ]  # fmt: skip
            memory.turns[who] = _name(place)
    return found, pages


def _begun(memory: Memory, place: Place) -> tuple[DayListing, str | None]:
    begun = memory.begun.pop(_name(place), None)
    return (DayListing(*begun[:4]), begun[4]) if begun else (DayListing(), None)


def _name(place: Place) -> str:
    return "/".join(place)


def _place(name: str) -> Place:
    day, _, kind = name.partition("/")
    return day, cast(Kind, kind)
