"""The properties of moves in any order and with any death, in memory and on the real record and registry."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from pipelines.engines.engine import Engine
from pipelines.releases.audit import AuditTable
from pipelines.releases.audit_findings import edits
from pipelines.releases.completion import Registry
from pipelines.releases.moves import Journal
from pipelines.releases.registry import MlflowRegistry
from pipelines.tables.contract import TableName
from pipelines.tables.contracts.operations import RELEASE_AUDIT
from pipelines_tests.releases.machine import MODELS, ReleaseMachine
from pipelines_tests.releases.memory import MemoryJournal, MemoryRegistry
from pipelines_tests.releases.registered import identity, production, registered_version


class InMemory(ReleaseMachine):
    def begin(self) -> tuple[tuple[str, ...], Journal, Registry]:
        self.versions = count(1)
        return MODELS, MemoryJournal(), MemoryRegistry()

    def new_version(self, model: str, release: str) -> int:
        return next(self.versions)


def test_sets_move_whole_and_never_backwards() -> None:
    run_state_machine_as_test(
        InMemory,
        settings=settings(max_examples=150, stateful_step_count=40, deadline=None),
    )


@pytest.mark.slow
def test_sets_move_whole_and_never_backwards_on_delta_and_mlflow(engine: Engine, tmp_path: Path) -> None:
    site = production(tmp_path)
    examples = count()

    class OnDeltaAndMlflow(ReleaseMachine):
        def begin(self) -> tuple[tuple[str, ...], Journal, Registry]:
            number = next(examples)
            name = TableName("prod", "ops", f"release_audit_{number}")
            self.audit = AuditTable(engine, replace(RELEASE_AUDIT, name=name))
            return tuple(f"{model}_{number}" for model in MODELS), self.audit, MlflowRegistry(site)

        def new_version(self, model: str, release: str) -> int:
            return registered_version(site, identity(model, release))

        def teardown(self) -> None:
            super().teardown()
            assert edits(self.audit) == []

    run_state_machine_as_test(
        OnDeltaAndMlflow,
        settings=settings(
            max_examples=8,
            stateful_step_count=15,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
