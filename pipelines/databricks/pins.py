"""Which code a Dagster run runs: decided at its first step and kept, whatever happens to the working tree."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pipelines.databricks.code import CodeError, CodeSnapshot, CodeSource
from pipelines.databricks.locks import machine_lock

if TYPE_CHECKING:
    from dagster import DagsterInstance, DagsterRun

_AUTOMATIC_RETRY = "dagster/retry_number"
_cache: dict[tuple[str, str], CodeSnapshot] = {}


def pinned_snapshot(instance: DagsterInstance, run: DagsterRun, source: CodeSource) -> CodeSnapshot:
    """The code of this run, the same for all its steps and its automatic retries.

    A re-execution that a person starts takes the code as it is then: that is why people start them.

    Raises:
        CodeError: the code cannot be had, or is no longer what was pinned.
    """
    owner = _owner(instance, run)
    key = f"databricks/code/{owner}"
    with machine_lock(f"pin {owner}"):
        kept = instance.daemon_cursor_storage.get_cursor_values({key}).get(key)
        if kept is None:
            snapshot = source.snapshot()
            pin = {name: getattr(snapshot, name) for name in ("commit", "tree", "dirty", "digest")}
            instance.daemon_cursor_storage.set_cursor_values({key: json.dumps(pin)})
            _cache[str(source.repository), snapshot.digest] = snapshot
            return snapshot
    pin = json.loads(kept)
    cached = _cache.get((str(source.repository), pin["digest"]))
    if cached is not None and (cached.commit, cached.dirty) == (pin["commit"], pin["dirty"]):
        return cached
    snapshot = source.archived(pin["commit"], pin["tree"], pin["dirty"])
    if snapshot.digest != pin["digest"]:
        raise CodeError(
            f"Run {owner} began with code of digest {pin['digest']}, but tree {pin['tree']} now gives "
            f"{snapshot.digest}: start a new run."
        )
    _cache[str(source.repository), snapshot.digest] = snapshot
    return snapshot


def _owner(instance: DagsterInstance, run: DagsterRun) -> str:
    """The run that decided about the code: the first of a chain of automatic retries."""
    seen = {run.run_id}
    while run.tags.get(_AUTOMATIC_RETRY) and run.parent_run_id and run.parent_run_id not in seen:
        parent = instance.get_run_by_id(run.parent_run_id)
        if parent is None:
            return run.parent_run_id
        run = parent
        seen.add(run.run_id)
    return run.run_id
