"""`pipelines dev`: Dagster's UI and daemon on the environment."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from pipelines.cli.instance import PROJECT, prepare_home
from pipelines.embedded_repository import ensure_repository
from pipelines.environments import current_settings


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=3000, show_default=True, type=click.IntRange(1, 65535), help="Port of the UI.")
def dev(host: str, port: int) -> None:
    """Open Dagster's UI with its daemon, everything loaded.

    While it runs, files that you drop into the landing zone are ingested, and commits that you push to the branch
    `release` of the models' repository are released.
    """
    settings = current_settings()
    prepare_home(settings)
    os.environ.setdefault("PIPELINES_DAGSTER", f"http://{host}:{port}")
    if settings.has_local_workspaces:
        ensure_repository(settings)
    if isinstance(settings.landing, Path) and settings.landing_is_reachable:
        for kind in ("sessions", "annotations"):
            (settings.landing / kind).mkdir(parents=True, exist_ok=True)
    click.echo(f"Dagster's UI: http://{host}:{port}    landing zone: {settings.landing}/sessions/<YYYY-MM-DD>/")
    click.echo(f"Repository of the models: {settings.git.url or 'none is watched'}")
    os.chdir(PROJECT)
    command = ["dagster", "dev", "-w", "workspace.yaml", "-h", host, "-p", str(port)]
    os.execv(sys.executable, [sys.executable, "-m", *command])
