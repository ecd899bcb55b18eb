"""A code location of jobs that fail: one before its first step, one in it."""

import dagster as dg


class NoEngineError(RuntimeError):
    """What the resource says."""


@dg.resource
def engine(_: dg.InitResourceContext) -> object:
    """Cannot be made."""
    raise NoEngineError("There is no engine [here]: start one.")


@dg.op(required_resource_keys={"engine"})
def step(context: dg.OpExecutionContext) -> None:
    """Is never begun."""


@dg.job(resource_defs={"engine": engine})
def without_resource() -> None:
    """Its only resource fails."""
    step()


@dg.op
def asking() -> None:
    """Fails itself."""
    raise NoEngineError("The step's own words.")


@dg.job
def failing_step() -> None:
    """Fails in a step."""
    asking()


definitions = dg.Definitions(jobs=[without_resource, failing_step], executor=dg.in_process_executor)
