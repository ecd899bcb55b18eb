"""What a version is made of: the same of all this is the same version, and it is made only once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from pipelines.models.manifest import Manifest
from pipelines.training.digests import code_digest, digest_of, environment_digest
from pipelines.training.registry import GOLD_TAG, IDENTITY_TAG


@dataclass(frozen=True)
class Identity:
    """The release key of a version. `commit` is None outside of releases."""

    model: str
    gold_versions: Mapping[str, int]
    parameters_digest: str
    code_digest: str
    environment_digest: str
    commit: str | None = None

    @property
    def digest(self) -> str:
        """32 hexadecimal digits; a tag of the run and of the version."""
        return digest_of(asdict(self))

    @property
    def tags(self) -> dict[str, str]:
        """The identity and its parts, as tags of run and version."""
        return {
            IDENTITY_TAG: self.digest,
            GOLD_TAG: json.dumps(dict(self.gold_versions)),
            "parameters_digest": self.parameters_digest,
            "code_digest": self.code_digest,
            "environment_digest": self.environment_digest,
            **({"commit": self.commit} if self.commit else {}),
        }


def identity_of(
    manifest: Manifest, engine_name: str, gold_versions: Mapping[str, int], commit: str | None = None
) -> Identity:
    """The identity of what the running code would make of these gold versions now."""
    return Identity(
        model=manifest.name,
        gold_versions=dict(gold_versions),
        parameters_digest=digest_of({"parameters": manifest.parameters}),
        code_digest=code_digest(manifest),
        environment_digest=environment_digest(engine_name),
        commit=commit,
    )
