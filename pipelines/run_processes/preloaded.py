"""What the processes of runs, and of steps side by side, share: all that a run and launching its steps import.

Starts nothing and connects to nothing, so that the process that has imported it can be forked.
"""

import contextlib
import importlib

from pipelines import definitions

for _name in (
    "dagster._core.execution.api",
    "dagster._core.execution.plan.active",
    "dagster._core.executor.in_process",
    "dagster._core.instance.factory",
    "dagster._core.secrets.env_file",
    "dagster._core.storage.local_compute_log_manager",
    "dagster._core.storage.root",
    "dagster._core.storage.sqlite_storage",
    "dagster._core.system_config.composite_descent",
    "dagster._core.workspace.autodiscovery",
    "dagster._grpc.impl",
    "databricks.sdk",
    "pipelines.databricks.launch",
    "pipelines.embedded",
    "pipelines.engines.sail",
    "pipelines.releases.branch",
    "pipelines.run_processes.queue",
    "upath.implementations.local",
):
    importlib.import_module(_name)
for _location in (definitions.development, definitions.production):
    with contextlib.suppress(Exception):  # a run of that location says what it is
        _location().get_repository_def()
