"""What the processes of runs, and of steps side by side, share: all that a run and launching its steps import.

Starts nothing and connects to nothing, so that the process that has imported it can be forked.
"""

import contextlib
import importlib

from pipelines import definitions

for _name in (
    "dagster._core.execution.api",
    "dagster._grpc.impl",
    "dagster._core.storage.sqlite_storage",
    "databricks.sdk",
    "pipelines.databricks.launch",
):
    importlib.import_module(_name)
for _location in (definitions.development, definitions.production):
    with contextlib.suppress(Exception):  # a run of that location says what it is
        _location().get_repository_def()
