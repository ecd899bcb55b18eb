"""`requirements/install.sh` in a small project: it works once, again without the network, and after interruptions."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines_tests.project.package_index import PACKAGES, PackageIndex

PROJECT = Path(__file__).resolve().parents[2]
UV = Path(sys.prefix).resolve().parent / ".uv" / "bin" / "uv"

pytestmark = pytest.mark.skipif(not UV.is_file(), reason="this environment was not made by requirements/install.sh")

_BACKEND = '''
"""Builds nothing but the editable project, so that no build tool is needed."""

import zipfile


def build_editable(folder, config_settings=None, metadata_directory=None):
    name = "small_project-0.1-py3-none-any.whl"
    about = "small_project-0.1.dist-info"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
        wheel.writestr("small_project.pth", "")
        wheel.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\\nName: small_project\\nVersion: 0.1\\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(f"{about}/RECORD", "")
    return name
'''


@pytest.fixture
def index() -> Iterator[PackageIndex]:
    with PackageIndex() as started:
        yield started


@pytest.fixture
def project(tmp_path: Path, index: PackageIndex) -> Path:
    """A project with the script and a lock of two packages; uv itself is there already."""
    folder = tmp_path / "project"
    (folder / "requirements").mkdir(parents=True)
    shutil.copy(PROJECT / "requirements" / "install.sh", folder / "requirements")
    for name, text in {"bootstrap.lock": "uv\n", "development.lock": index.lock(), "runtime.in": ""}.items():
        (folder / "requirements" / name).write_text(text)
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "small_project"\nversion = "0.1"\n'
    )
    (folder / "backend.py").write_text(_BACKEND)
    (folder / ".uv" / "bin").mkdir(parents=True)
    (folder / ".uv" / "bin" / "uv").symlink_to(UV)
    lock = subprocess.run(
        ["git", "hash-object", str(folder / "requirements" / "bootstrap.lock")], capture_output=True, check=True
    )
    (folder / ".uv" / ".installed").write_bytes(lock.stdout)
    return folder


def _started(project: Path, url: str) -> subprocess.Popen[str]:
    mine = {name: value for name, value in os.environ.items() if not name.startswith(("UV_", "PIP_", "VIRTUAL_ENV"))}
    variables = {"PYTHON": sys.executable, "UV_DEFAULT_INDEX": url, "UV_CACHE_DIR": str(project.parent / "cache")}
    return subprocess.Popen(
        ["sh", "requirements/install.sh"],
        cwd=project,
        env={**mine, **variables, "UV_HTTP_RETRIES": "0", "UV_NO_CONFIG": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def _set_up(project: Path, url: str) -> str:
    """Run it to its end; what it said."""
    process = _started(project, url)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    return output


def _installed(project: Path) -> list[str]:
    listed = subprocess.run(
        [UV, "pip", "list", "--python", ".venv/bin/python", "--format", "freeze"],
        cwd=project, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [line.partition("==")[0].replace("-", "_") for line in listed.stdout.splitlines()]


def test_the_second_time_there_is_nothing_to_do(project: Path, index: PackageIndex):
    assert "setup: done" in _set_up(project, index.url)
    assert _installed(project) == [*PACKAGES, "small_project"]
    (project / ".uv" / "bin" / "uv").unlink()  # which it would need for anything
    index.stop()
    assert _set_up(project, index.url) == ""


def test_a_new_environment_is_laid_without_the_network(project: Path, index: PackageIndex):
    _set_up(project, index.url)
    shutil.rmtree(project / ".venv")  # as `make clean` does
    index.stop()
    assert "setup: done" in _set_up(project, index.url)
    assert _installed(project) == [*PACKAGES, "small_project"]
    assert sorted(index.asked) == sorted(PACKAGES)


def test_a_changed_lock_is_installed(project: Path, index: PackageIndex):
    _set_up(project, index.url)
    lock = project / "requirements" / "development.lock"
    lock.write_text(lock.read_text().splitlines()[0] + "\n")
    index.stop()
    assert "setup: done" in _set_up(project, index.url)
    assert _installed(project) == [PACKAGES[0], "small_project"]


def test_an_interrupted_run_goes_on_where_it_stopped(project: Path, index: PackageIndex):
    first, second = PACKAGES
    index.holds_back = second
    process = _started(project, index.url)
    # uv's note that the wheel is whole, written last: the unpacked files are there before it.
    finished = f"wheels-*/index/*/{first.replace('_', '-')}/*.http"
    deadline = time.monotonic() + 30
    while set(index.asked) != set(PACKAGES) or not list((project.parent / "cache").glob(finished)):
        assert time.monotonic() < deadline, (index.asked, process.poll())
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    half_laid = project / ".venv" / "half_laid"
    half_laid.touch()
    assert not (project / ".venv" / ".installed").exists()

    index.holds_back = None
    assert "setup: done" in _set_up(project, index.url)
    assert _installed(project) == [*PACKAGES, "small_project"]
    assert index.asked.count(first) == 1, "it was finished, and is not downloaded again"
    assert not half_laid.exists(), "the environment is laid anew"


def test_an_index_that_cannot_be_reached_is_told_with_what_to_do(project: Path, index: PackageIndex):
    index.stop()
    process = _started(project, index.url)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "could not be installed (the reason is above). Run make setup again: it goes on from here." in output
    assert not (project / ".venv" / ".installed").exists()
