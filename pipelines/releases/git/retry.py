"""When a failed release is tried again: never for what is wrong with the commit, bounded for what is not."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True)
class RetryPolicy:
    """Bounds of trying again after failures of the infrastructure."""

    most_attempts: int = 4
    """The first one included; after that a person decides."""
    first_delay_seconds: float = 60.0
    factor: float = 3.0
    longest_delay_seconds: float = 1800.0
    jitter: float = 0.2
    """Share by which a delay varies to either side, so that what failed together is not tried again together."""

    def delay_seconds(self, key: str, failures: int) -> float:
        """How long to wait after that many failures. The same key and number always give the same delay."""
        plain = self.longest_delay_seconds
        if failures < 64:  # beyond that the power overflows
            plain = min(plain, self.first_delay_seconds * self.factor ** max(0, failures - 1))
        digest = hashlib.sha256(f"{key} {failures}".encode()).digest()
        part = int.from_bytes(digest[:8], "big") / 2**64
        return plain * (1 + self.jitter * (2 * part - 1))


REMOTE_RETRIES = RetryPolicy(first_delay_seconds=15.0, factor=2.0, longest_delay_seconds=300.0)
"""For a remote that does not answer: it is asked again without end, at most every five minutes or so."""
