"""Where a version comes from: what is written on it, so that it can be explained and made again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields

from pipelines.releases.plan import LONGEST_TAG, is_commit

_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


class InvalidProvenanceError(ValueError):
    """A provenance that the registry could not hold or nobody could use; the message names the key."""


@dataclass(frozen=True)
class Lineage:
    """What a release knows of a version before it is trained; the training adds what it read and by which code.

    Together: `commit`, `author`, `signer`, `dagster_run_id`, `databricks_run_id` from here, and `gold_versions`
    (Delta table and version), `parameters_digest`, `environment_digest` (lock file), `code_digest` (code that ran)
    from `pipelines.training.identity`. `approved_by` follows with the promotion. Everyone can read tags: no names of
    customers belong here.
    """

    commit: str
    author: str
    dagster_run_id: str
    signer: str | None = None
    """Who signed the commit, as the signature names it; None where signatures are off."""
    databricks_run_id: str | None = None
    archive_digest: str | None = None
    """Of the code archive that was shipped to the run, where it ran in a workspace."""

    @property
    def tags(self) -> dict[str, str]:
        """The `lineage` of `train_model`: snake_case keys, values that Unity Catalog holds.

        Raises:
            InvalidProvenanceError: the commit is none, or a value is empty or too long.
        """
        if not is_commit(self.commit):
            raise InvalidProvenanceError(f"commit is {self.commit!r}: give its hexadecimal name.")
        tags = {}
        for key, value in asdict(self).items():
            if value is None:
                continue
            text = _CONTROL.sub(" ", str(value)).strip()
            if not text or len(text) > LONGEST_TAG:
                raise InvalidProvenanceError(f"{key} has {len(text)} characters: 1 to {LONGEST_TAG} can be kept.")
            tags[key] = text
        return tags


APPROVED_BY = "approved_by"
REQUIRED_TAGS = (
    *(field.name for field in fields(Lineage) if field.default is MISSING),
    "gold_versions",
    "parameters_digest",
    "environment_digest",
    "code_digest",
    "training_identity",
)
"""Without all of these a version was not made by a release and may not serve in production."""


def missing_provenance(tags: Mapping[str, str]) -> list[str]:
    """Keys that the version lacks, in order."""
    return [key for key in REQUIRED_TAGS if not tags.get(key)]
