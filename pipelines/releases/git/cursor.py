"""What a watcher of a branch remembers between two looks. Losing it costs a second look and releases nothing twice."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace

_LONGEST_TEXT = 2000


@dataclass(frozen=True)
class Refusal:
    """A commit that was examined and refused, so that it need not be fetched and examined at every look."""

    commit: str
    basis: str
    """Digest of what the refusal rests on beside the commit: policy, signers, where the branch was before."""
    why: str
    remedy: str


@dataclass(frozen=True)
class Settled:
    """The head about which there was nothing to do, so that the record need not be read at every look."""

    commit: str
    change: str
    """The newest change of anything that the record is made of, at that time."""
    why: str
    asked: float = 0.0
    """When that change was last asked for, in seconds since the epoch."""


@dataclass(frozen=True)
class Cursor:
    """Small, and JSON."""

    head: str | None = None
    """The commit that the branch was last seen at."""
    since: float = 0.0
    """When it was first seen there, in seconds since the epoch."""
    failures: int = 0
    """Looks in a row that the remote did not answer."""
    not_before: float = 0.0
    """No look at the remote before this time."""
    trouble: str = ""
    """What was wrong at the last of these looks."""
    refusal: Refusal | None = None
    settled: Settled | None = None

    def seen(self, commit: str, now: float) -> Cursor:
        """After a look that was answered."""
        since = self.since if commit == self.head and self.since <= now else now
        return replace(self, head=commit, since=since, failures=0, not_before=0.0, trouble="")

    def dump(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self), sort_keys=True)

    @staticmethod
    def load(text: str | None) -> Cursor:
        """From JSON; an empty cursor for whatever is none."""
        try:
            values = json.loads(text or "{}")
            refusal, settled = values.get("refusal"), values.get("settled")
            return Cursor(
                head=_text(values.get("head")),
                since=float(values.get("since", 0.0)),
                failures=int(values.get("failures", 0)),
                not_before=float(values.get("not_before", 0.0)),
                trouble=str(values.get("trouble", "")),
                refusal=Refusal(**{name: str(refusal[name]) for name in Refusal.__annotations__}) if refusal else None,
                settled=_settled(settled) if settled else None,
            )
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
            return Cursor()


def refusal(commit: str, basis: str, why: str, remedy: str) -> Refusal:
    """A refusal that fits into a cursor."""
    return Refusal(commit, basis, why[:_LONGEST_TEXT], remedy[:_LONGEST_TEXT])


def _settled(values: dict[str, object]) -> Settled:
    words = {name: str(values[name]) for name in ("commit", "change", "why")}
    return Settled(**words, asked=float(str(values.get("asked", 0.0))))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
