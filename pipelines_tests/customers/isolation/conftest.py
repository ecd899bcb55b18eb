"""The stage, built once for all tests of this folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from pipelines.local.lifecycle import down
from pipelines_tests.customers.isolation.stage import Stage, built
from pipelines_tests.local.conftest import local_settings


@pytest.fixture(scope="package")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    home = tmp_path_factory.mktemp("isolation")
    settings = local_settings(home, grants=(), bindings=())
    yield built(home, settings.with_changes(hidden=(*settings.hidden, home)))
    for workspace in settings.workspaces:
        down(settings, workspace)
    shutil.rmtree(home)  # or the search of a later stage would find what this one has planted
