"""Dagster's daemon for one location, for as long as something needs it, such as releases for the demo."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import yaml

from pipelines.cli.instance import PROJECT, open_instance
from pipelines.settings import Settings

_ENDS_WITHIN_S = 15


@contextmanager
def daemon_of(settings: Settings) -> Iterator[None]:
    """Run the daemon with the location's code server until the end of the block; its output goes to a log file."""
    with open_instance(settings):
        pass  # a new home's databases are made by one process alone: two at once spoil them
    log = settings.home / "logs" / f"daemon-{settings.location}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "dagster._daemon", "run", "-w", str(_workspace_of(settings))]
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
        try:
            yield
        finally:
            _end(process)


def _workspace_of(settings: Settings) -> Path:
    """The project's workspace.yaml with the one location."""
    content = yaml.safe_load((PROJECT / "workspace.yaml").read_text(encoding="utf-8"))
    chosen = [one for one in content["load_from"] if one["python_module"]["location_name"] == settings.location]
    file = settings.dagster_home / f"workspace-{settings.location}.yaml"
    file.write_text(yaml.safe_dump({"load_from": chosen}), encoding="utf-8")
    return file


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(_ENDS_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
    # Its code server ends with it, and is not left behind if the daemon had to be killed.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
