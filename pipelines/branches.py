"""A data scientist's branch and the schema that is its own: `dev.dev_<branch>`."""

from __future__ import annotations

import hashlib
import re

_LONGEST = 40


def branch_schema(branch: str) -> str:
    """The schema of a git branch, a name that Unity Catalog takes.

    Two branches never share one: where the name had to be changed, a digest of the original follows.
    """
    plain = re.sub(r"[^a-z0-9]+", "_", branch.lower()).strip("_")[:_LONGEST] or "branch"
    if plain == branch:
        return f"dev_{plain}"
    return f"dev_{plain}_{hashlib.sha256(branch.encode()).hexdigest()[:6]}"
