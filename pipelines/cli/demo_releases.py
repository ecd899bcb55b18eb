"""The demo's releases: a first one, a better one, one that a gate stops, and the way back."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from pipelines.cli.follow import run_with_progress
from pipelines.cli.instance import open_instance
from pipelines.cli.release_status import print_status
from pipelines.cli.releasing import follow_release
from pipelines.embedded_repository import ensure_repository, git_in
from pipelines.releases.move_config import move_config
from pipelines.settings import Settings

_MANIFEST = "pipelines/models/approach_stability/model.yaml"
_WAY_BACK = "the demo shows the way back"


def is_told(settings: Settings) -> bool:
    """Whether the releases of the demo were made before in this environment."""
    return _served(settings) > 0


def release_first(console: Console, settings: Settings) -> None:
    """Push the head of `main` to `release`, and wait for its release."""
    ensure_repository(settings)
    commit = git_in(Path(settings.git.url), "rev-parse", "main")
    git_in(Path(settings.git.url), "update-ref", "refs/heads/release", commit)
    follow_release(console, settings, commit)


def release_again(console: Console, settings: Settings, timed: Callable[[str, float], None]) -> None:
    """A better model, a bad one, and the way back; `timed` is told what took how many seconds."""
    with tempfile.TemporaryDirectory(prefix="demo-") as folder:
        checkout = Path(folder, "models")
        git_in(Path(folder), "clone", "--quiet", "--branch", "release", settings.git.url, str(checkout))
        for title, trees, leaf in (
            ("more trees for the approach model", 90, 4),
            ("one shallow tree, which is too little", 1, 400),
        ):
            console.rule(f"git push: {title}")
            started = time.monotonic()
            commit = _pushed(checkout, title, {"trees": trees, "min_samples_leaf": leaf})
            follow_release(console, settings, commit)
            timed(f"release: {title}", time.monotonic() - started)
            print_status(console)
    console.rule("pipelines release rollback")
    if _served(settings) < 2:
        console.print(
            "Fewer than two releases ever served (your sessions count, too), so there is no way back to show."
        )
        return
    started = time.monotonic()
    run_with_progress(console, settings, "rollback", config=move_config("rollback", actor="demo", reason=_WAY_BACK))
    timed("rollback", time.monotonic() - started)
    print_status(console)


def _served(settings: Settings) -> int:
    from pipelines.assets.releases import CHAMPIONS
    from pipelines.sensors.branch_record import release_state

    with open_instance(settings) as instance:
        return len(release_state(instance, CHAMPIONS).get("released", ()))


def _pushed(checkout: Path, title: str, parameters: dict[str, int]) -> str:
    manifest = checkout / _MANIFEST
    text = manifest.read_text(encoding="utf-8")
    for name, value in parameters.items():
        text = re.sub(rf"^  {name}: .*$", f"  {name}: {value}", text, count=1, flags=re.MULTILINE)
    manifest.write_text(text, encoding="utf-8")
    who = ("-c", "user.name=A. Data Scientist", "-c", "user.email=scientist@example.org")
    git_in(checkout, *who, "commit", "--quiet", "--all", "--message", title)
    git_in(checkout, "push", "--quiet", "origin", "HEAD:main", "HEAD:release")
    return git_in(checkout, "rev-parse", "HEAD")
