"""Maps and flights that several tests of the formats use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipelines.flight.formats import ParsedSession, read_session
from pipelines_tests.flight.formats.made_flight import made_flight, trainer_map


@pytest.fixture(scope="session")
def flight() -> dict[str, np.ndarray]:
    return made_flight()


@pytest.fixture
def write_map(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str, name: str = "own.yaml") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


@pytest.fixture
def read_trainer(tmp_path: Path, flight: dict[str, np.ndarray]) -> Callable[..., ParsedSession]:
    """Reads bytes by a map in which every column has its canonical name and unit."""

    def read(content: bytes, time: str | None = None) -> ParsedSession:
        path = tmp_path / "trainer.yaml"
        path.write_text(trainer_map(flight, time=time))
        return read_session("session.csv", content, [path])

    return read
