"""How a job carries out several steps at once: each waits for its work in the workspace in a process of its own."""

from __future__ import annotations

import dagster as dg

# What each step's process would import by itself, a second or two of every step.
_PRELOADED = "pipelines.run_processes.preloaded"

side_by_side = dg.multiprocess_executor.configured(
    {"max_concurrent": 4, "start_method": {"forkserver": {"preload_modules": [_PRELOADED]}}}
)
"""Up to four steps at once. Models are trained beside each other as far as the workspace can."""
