"""Segments of a step's event log: numbered files that are authenticated, written once and never appended to.

A segment is one header line (`<mac> <length of the body>`) and its body. The MAC covers the body and where it belongs:
the submission's token, the attempt and the segment's number. So a segment that somebody else wrote, copied from
another step or moved to another place is told from one that is merely not written to its end yet.
"""

from __future__ import annotations

import hashlib
import hmac
import re

SHORTEST_KEY = 16
_HEADER = re.compile(rb"([0-9a-f]{64}) ([0-9]{1,12})\n")
_LONGEST_HEADER = 64 + 1 + 12 + 1


class IncompleteSegmentError(Exception):
    """The file is not written, or not read, to its end."""


class ForgedSegmentError(Exception):
    """The file was not written by the step that it claims to come from."""


def segment_name(sequence: int) -> str:
    """File name of a segment; the first one is number 1."""
    return f"{sequence:06d}.json"


def sealed(key: bytes, token: str, attempt: int, sequence: int, body: bytes) -> bytes:
    """The body as the bytes of a segment.

    Raises:
        ValueError: the key is too short to protect anything.
    """
    return b"%s %d\n%s" % (_mac(key, token, attempt, sequence, body).encode(), len(body), body)


def opened(key: bytes, token: str, attempt: int, sequence: int, data: bytes) -> bytes:
    """The body of a segment, if it is authentic.

    Raises:
        IncompleteSegmentError: there is less than the header promises; reading again may help.
        ForgedSegmentError: it is whole, and not from this attempt of this step or not this number.
        ValueError: the key is too short to protect anything.
    """
    header = _HEADER.match(data)
    if header is None:
        if len(data) < _LONGEST_HEADER and b"\n" not in data:
            raise IncompleteSegmentError(f"segment {sequence} has {len(data)} bytes, less than its header")
        raise ForgedSegmentError(f"segment {sequence} has no valid header")
    body = data[header.end() :]
    length = int(header.group(2))
    if len(body) < length:
        raise IncompleteSegmentError(f"segment {sequence} has {len(body)} of {length} bytes")
    expected = _mac(key, token, attempt, sequence, body)
    if len(body) > length or not hmac.compare_digest(header.group(1).decode(), expected):
        raise ForgedSegmentError(f"segment {sequence} does not carry the signature of this step")
    return body


def _mac(key: bytes, token: str, attempt: int, sequence: int, body: bytes) -> str:
    if len(key) < SHORTEST_KEY:
        raise ValueError(f"The event key has {len(key)} bytes; put a random one of at least {SHORTEST_KEY} there.")
    place = f"{token}\n{attempt}\n{sequence}\n".encode()
    return hmac.new(key, place + body, hashlib.sha256).hexdigest()
