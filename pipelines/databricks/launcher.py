"""A Dagster step launcher that runs each step on Databricks, once, with the code of its commit."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.definitions.step_launcher import StepLauncher

from pipelines.databricks.code import CodeSource
from pipelines.databricks.polling import Rhythm
from pipelines.databricks.target import RemoteTarget

if TYPE_CHECKING:
    from dagster._core.events import DagsterEvent
    from dagster._core.execution.context.system import StepExecutionContext

    from pipelines.databricks.session import Session


@dataclass(frozen=True)
class Patience:
    """How long to put up with a workspace that does not answer, and what to do then."""

    budget_s: float = 300.0
    """For one call of the API, with all its repetitions."""
    reattachments: int = 10
    """How often a step is put off and continued (the same remote run) after that, before it fails."""
    pause_s: float = 30.0
    """Before each continuation."""


class DatabricksStepLauncher(StepLauncher):
    """Launches steps on one target. As a resource it connects to nothing until the first step is launched."""

    def __init__(
        self,
        target: RemoteTarget,
        code: CodeSource,
        patience: Patience | None = None,
        rhythm: Rhythm | None = None,
        code_of_run: Callable[[dg.DagsterInstance, dg.DagsterRun], CodeSource | None] | None = None,
    ) -> None:
        # Dagster recommends Pipes to new projects, where the code of a step is written for it; it keeps launchers.
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*StepLauncher.* is superseded")
            super().__init__()
        self.target = target
        self.code = code
        self._code_of_run = code_of_run
        self.patience = patience or Patience()
        self.rhythm = rhythm or Rhythm()
        self._lock = Lock()
        self._session: Session | None = None

    def launch_step(self, step_context: StepExecutionContext) -> Iterator[DagsterEvent]:
        """Run the step remotely; yields its events, which are stored already, as they come."""
        from pipelines.databricks.launch import Launch

        return Launch(self, step_context).events()

    def code_of(self, instance: dg.DagsterInstance, run: dg.DagsterRun) -> CodeSource:
        """Where the code of this run is: a run may ask for a commit of its own."""
        return (self._code_of_run(instance, run) if self._code_of_run else None) or self.code

    def session(self) -> Session:
        """The connection to the target, made at the first call.

        Raises:
            RefusedError, UnreachableError: see `Api.call`.
        """
        from pipelines.databricks.session import Session

        with self._lock:
            if self._session is None:
                self._session = Session.open(self.target, self.patience.budget_s)
            return self._session

    def disconnect(self) -> None:
        """Forget the connection: the next call of `session` makes another one."""
        with self._lock:
            self._session = None


def step_launcher_resource(
    target: RemoteTarget, code: CodeSource, patience: Patience | None = None
) -> dg.ResourceDefinition:
    """The launcher as a Dagster resource. A step that requires it runs on the target."""
    launcher = DatabricksStepLauncher(target, code, patience)
    return dg.ResourceDefinition(
        lambda _: launcher, description=f"Runs steps on Databricks ({target.name}), with the code of the commit."
    )
