"""The life of one production site, which the tests of this folder share; each leaves it in peace."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest

from pipelines_tests.end_to_end.environment import environment_in, finish, start_job, upload_sessions
from pipelines_tests.end_to_end.production_site import ProductionSite, production_site
from pipelines_tests.end_to_end.tiny_repository import TinyRepository


@dataclass
class World:
    """The site, the people who push to it, and the commit that serves."""

    site: ProductionSite
    people: TinyRepository
    serving: str = ""

    def release(self, files: Mapping[str, str], message: str) -> str:
        """Push a commit that is released, and serves from then on."""
        self.serving = self.people.commit(files, message)
        self.site.released(self.serving)
        return self.serving


@pytest.fixture(scope="package")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("releases")
    with environment_in(folder / "home") as settings:
        # These two fall into the parts that training and judging need; the part follows from the file's digest.
        upload_sessions(settings, count=2, first_seed=5)
        finish(start_job(settings, "ingest"))
        people = TinyRepository(folder / "people")
        with production_site(settings, people.bare) as site:
            yield World(site, people)
