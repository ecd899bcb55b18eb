"""A Dagster worker as a process of its own, to be killed: `python -m ... <job> <dagster home> [<parent run id>]`.

Everything else comes from the variable that `Wiring.as_variable` makes. Prints the run's id and how it ended.
"""

from __future__ import annotations

import importlib
import sys

import dagster as dg

from pipelines_tests.databricks import wiring


def main(job: str, home: str, parent: str | None = None) -> int:
    """Run the job, as a retry of `parent` if one is given."""
    sys.path.insert(0, str(wiring.launcher().code.repository))
    target = getattr(importlib.import_module("shipped.jobs"), f"{job}_job")
    options = None if parent is None else dg.ReexecutionOptions(parent_run_id=parent)
    with (
        dg.DagsterInstance.local_temp(home) as instance,
        dg.execute_job(dg.reconstructable(target), instance=instance, reexecution_options=options) as result,
    ):
        print(result.run_id, result.success, flush=True)
        return 0 if result.success else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
