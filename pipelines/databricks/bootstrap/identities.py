"""Names of principals as Databricks' access lists know them: service principals by application id."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from pipelines.databricks.bootstrap.step import Step

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient


class Identities:
    """Application ids of service principals by display name, and back; other names stay as they are."""

    def __init__(self, client: WorkspaceClient, application_ids: Mapping[str, str]) -> None:
        """`application_ids` are known beforehand, such as those of principals that this workspace cannot list."""
        self._client = client
        self._ids: dict[str, str | None] = dict(application_ids)

    def id_of(self, name: str) -> str:
        """What access lists call the principal; the name itself if no service principal has it."""
        if name not in self._ids:
            found = next(iter(self._client.service_principals.list(filter=f'displayName eq "{name}"')), None)
            self._ids[name] = found.application_id if found else None
        return self._ids[name] or name

    def name_of(self, identity: str) -> str:
        """The display name of a principal that was asked for before; else the identity."""
        return next((name for name, known in self._ids.items() if known == identity), identity)

    def steps(self, names: Iterable[str]) -> Iterator[Step]:
        """A step per service principal that the workspace should have."""
        for name in names:
            self.id_of(name)
            if self._ids[name] is None:
                yield Step("missing", f"service principal {name}", lambda name=name: self._create(name))
            else:
                yield Step("there", f"service principal {name}")

    def _create(self, name: str) -> None:
        self._ids[name] = self._client.service_principals.create(display_name=name, active=True).application_id
