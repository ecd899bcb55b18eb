"""Fixtures of the branch sensors' tests: a repository that people push to, a Dagster instance, a clock."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from pipelines.cli.instance import PROJECT
from pipelines.environments import settings_from
from pipelines.sensors import customer_requests, inbox_watch
from pipelines.sensors.inbox_watch import InboxWatch
from pipelines.settings import Settings
from pipelines_tests.releases.git.origin import Origin
from pipelines_tests.sensors.branch_stage import Stage, WebServer, web_server
from pipelines_tests.sensors.inboxes import Inboxes
from pipelines_tests.sensors.made_model import model_files


@pytest.fixture(autouse=True)
def new_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    """A code server that has just started; its ticks do not watch on, unless a test says so."""
    monkeypatch.setattr(customer_requests, "_watch", InboxWatch())
    monkeypatch.setattr(inbox_watch, "WATCH_SECONDS", 0.0)


class Clock:
    """What the sensor takes for the time."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def time(self) -> float:
        return time.time() + self.ahead

    def pass_by(self, seconds: float) -> None:
        self.ahead += seconds


@pytest.fixture(scope="session")
def empty_instance(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of an instance as the project sets it up, laid out once: that takes seconds, a copy does not."""
    home = tmp_path_factory.mktemp("instance") / "dagster"
    home.mkdir()
    shutil.copyfile(PROJECT / "dagster.yaml", home / "dagster.yaml")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        instance.get_runs(limit=1)
        instance.all_instigator_state()
        instance.get_dynamic_partitions("releases")
    return home


@pytest.fixture
def instance(empty_instance: Path, tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    home = tmp_path / "dagster"
    shutil.copytree(empty_instance, home)
    with dg.DagsterInstance.from_config(str(home)) as opened:
        yield opened


@pytest.fixture(autouse=True)
def _no_personal_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests, their git configuration takes no part."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("pipelines.sensors.branch.time", made)
    return made


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    """A remote without a branch `release`."""
    return Origin(tmp_path)


@pytest.fixture
def dagster_server() -> Iterator[WebServer]:
    with web_server() as started:
        yield started


@pytest.fixture
def settings(tmp_path: Path, origin: Origin, dagster_server: WebServer) -> Settings:
    variables = {
        "PIPELINES_HOME": str(tmp_path / "home"),
        "PIPELINES_GIT": f"file://{origin.bare}",
        "PIPELINES_DAGSTER": dagster_server.url,
    }
    return settings_from(variables, "production")


@pytest.fixture
def stage(
    settings: Settings, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, origin: Origin, clock: Clock
) -> Stage:
    """The production location, built from the manifests of the commit that the branch is at: one model, `glider`."""
    from pipelines.releases.release_graph import choose_release_graph

    for name, value in (
        ("PIPELINES_HOME", str(settings.home)),
        ("PIPELINES_GIT", settings.git.url),
        ("PIPELINES_DAGSTER", settings.dagster_url),
    ):
        monkeypatch.setenv(name, value)
    origin.commit(model_files("glider"), "the first model")
    settings.git.folder.mkdir(parents=True)
    loaded = settings.home / "loaded"
    shutil.copytree(origin.work, loaded)
    choose_release_graph(settings, loaded)

    from pipelines.definitions import production

    return Stage(settings, instance, production)


@pytest.fixture
def world(tmp_path: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> Inboxes:
    """No customers yet, and a sensor that remembers nothing."""
    monkeypatch.setattr(customer_requests, "_memory", None)
    return Inboxes(settings_from({"PIPELINES_HOME": str(tmp_path / "home")}, "production"), instance)
