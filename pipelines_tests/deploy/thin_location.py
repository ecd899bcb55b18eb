"""A code location of jobs that compute nothing, for tests of what surrounds them in a deployment."""

import os
import signal
import time

import dagster as dg


@dg.asset(key=["thin", "table"])
def table(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    """Prints a line and says that it has rows."""
    print(f"computed in run {context.run_id}", flush=True)
    return dg.MaterializeResult(metadata={"rows": 3})


@dg.op(pool="one_at_a_time")
def slow_step() -> None:
    """Takes long enough to be seen beside another."""
    time.sleep(3)


@dg.job
def slow() -> None:
    """A run that occupies the only place of a pool."""
    slow_step()


@dg.op
def dying_step(context: dg.OpExecutionContext) -> None:
    """Kills its process, except in a run that was started again."""
    if not context.run.parent_run_id:
        os.kill(os.getpid(), signal.SIGKILL)


@dg.job
def dying() -> None:
    """A run whose process dies at the first attempt."""
    dying_step()


thin = dg.Definitions(
    assets=[table],
    jobs=[dg.define_asset_job("thin", [table]), slow, dying],
    executor=dg.in_process_executor,
)
