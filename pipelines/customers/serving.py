"""What judging needs beside the sessions, made ready while those are being read: the record and the versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

from pipelines.customers.routes import routed
from pipelines.customers.versions import Version, loaded_version
from pipelines.models.manifest import Manifest, load_manifests
from pipelines.releases.site import open_releases
from pipelines.settings import Settings
from pipelines.training.inference import keep_estimator
from pipelines.training.registry import saved_estimator

if TYPE_CHECKING:
    from pipelines.engines.engine import Engine
    from pipelines.releases.record import Record


class Serving:
    """The code's manifests, the record of releases and the registry's versions, for a run's block.

    Where Python functions run in this process, the models that serve the customer are loaded beside. Their files are
    thousands of small parts, and a thread that takes them apart would hold up the reading of sessions by the
    interpreter's lock: so processes do it, where the engine has some.
    """

    def __init__(self, engine: Engine, settings: Settings, customer: str) -> None:
        """Nothing is read before the block is entered."""
        from pipelines.releases.registry import MlflowRegistry

        self.registry = MlflowRegistry(settings)
        self.manifests: Mapping[str, Manifest] = load_manifests()
        self._engine, self._settings, self._customer = engine, settings, customer
        self._beside = ThreadPoolExecutor(1)

    def __enter__(self) -> Serving:
        self._record = self._beside.submit(lambda: open_releases(self._engine, self._settings).journal.read())
        self._loaded = self._beside.submit(self._load)
        return self

    def __exit__(self, *_: object) -> None:
        self._beside.shutdown()

    @property
    def record(self) -> Record:
        """The record of releases, by which versions are chosen.

        Raises:
            ContractViolationError, UnreadableAuditError: it cannot be read.
        """
        return self._record.result()

    def tags(self, model: str, version: int) -> Mapping[str, str] | None:
        """The tags of a version; None if the registry has no such one."""
        found = self._loaded.result().get((model, version))
        return found.tags if found else self.registry.tags(model, version)

    def saved(self, model: str, version: int) -> bytes:
        """The saved estimator of a version.

        Raises:
            UnknownModelVersionError: there is no such version.
        """
        found = self._loaded.result().get((model, version))
        return found.saved if found else saved_estimator(self._settings, model, version)

    def _load(self) -> dict[tuple[str, int], Version]:
        """The versions that serve the customer; without those that cannot be loaded: judging says of them why."""
        if not self._engine.python_is_threaded:
            return {}
        with suppress(Exception):
            chosen = routed(self._customer, [""], "", self.record, self.manifests)
            found = self._loaded_versions([(self._settings, one.model, one.version) for one in chosen])
            for one in found:
                keep_estimator(one.saved, one.estimator)
            return {(one.model, one.number): one for one in found}
        return {}

    def _loaded_versions(self, asked: Sequence[tuple[Settings, str, int]]) -> list[Version]:
        processes = self._engine.processes
        found = map(loaded_version, asked) if processes is None else processes.map(loaded_version, asked)
        return [one for one in found if one is not None]
