"""A data scientist's branch and the schema that is its own: `dev.dev_<branch>`."""

from __future__ import annotations

import hashlib
import re

GOLD_CHOICE = "pipelines/gold"
"""Tag of a run: on which gold a branch's models are trained."""
AS_MAIN, NEWEST = "as_main", "newest"
"""The versions that `main`'s model was trained on, where there is one that read the same tables; or the newest."""

SHARED_BRANCHES = ("main", "release")
"""Branches whose models are everyone's."""
VALIDATION = "validation"
"""Metadata of a branch's model: how it compares with `main`'s (`pipelines.validation.comparison.Validation`)."""

_LONGEST = 40


def branch_schema(branch: str) -> str:
    """The schema of a git branch, a name that Unity Catalog takes.

    Two branches never share one: where the name had to be changed, a digest of the original follows.
    """
    plain = re.sub(r"[^a-z0-9]+", "_", branch.lower()).strip("_")[:_LONGEST] or "branch"
    if plain == branch:
        return f"dev_{plain}"
    return f"dev_{plain}_{hashlib.sha256(branch.encode()).hexdigest()[:6]}"
