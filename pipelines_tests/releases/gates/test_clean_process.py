"""The clean process on artifacts that misbehave: each is asked by itself, whatever the one before did."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from pipelines.releases.gates.clean_process import SmokeFailedError, smoke

pytestmark = pytest.mark.slow


def artifact(folder: Path, loading: str) -> Path:
    """A model of MLflow's whose own code runs `loading` when it is loaded."""
    (folder / "code").mkdir(parents=True)
    (folder / "code" / "made_loader.py").write_text(
        f"import builtins, os, signal, sys, time\n\n\ndef _load_pyfunc(path):\n    {loading}\n", encoding="utf-8"
    )
    (folder / "MLmodel").write_text(
        "flavors:\n  python_function:\n    loader_module: made_loader\n    code: code\n    python_version: 3.11.0\n",
        encoding="utf-8",
    )
    return folder


def why(folder: Path, loading: str, time_limit_s: float = 60.0) -> str:
    """What is said of such an artifact."""
    with pytest.raises(SmokeFailedError) as caught:
        smoke(artifact(folder, loading), time_limit_s)
    return str(caught.value)


def test_a_crash_is_told_and_the_next_one_is_asked(tmp_path: Path) -> None:
    assert "ended without an answer" in why(tmp_path / "a", "os.kill(os.getpid(), signal.SIGSEGV)")
    assert "ended without an answer" in why(tmp_path / "b", "os._exit(0)")
    assert "ValueError: of its own" in why(tmp_path / "c", "raise ValueError('of its own')")
    assert "SystemExit: leaving" in why(tmp_path / "d", "sys.exit('leaving')")


def test_what_hangs_is_ended(tmp_path: Path) -> None:
    note = tmp_path / "process"
    hangs = f"open({str(note)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    assert "no answer within 5 s" in why(tmp_path / "a", hangs, 5.0)
    process, patience = Path("/proc", note.read_text()), time.monotonic() + 10
    while process.exists() and (process / "stat").read_text().split()[2] != "Z":
        assert time.monotonic() < patience, "it goes on"
        time.sleep(0.05)


def test_one_sees_nothing_of_another_nor_of_this_project(tmp_path: Path) -> None:
    assert "ValueError: left" in why(
        tmp_path / "a", "builtins.left = 1; os.environ['LEFT'] = '1'; raise ValueError('left')"
    )
    home = "os.listdir('.'), os.listdir(os.environ['HOME'])"
    seen = f"raise ValueError([hasattr(builtins, 'left'), os.environ.get('LEFT'), {home}])"
    assert "[False, None, [], []]" in why(tmp_path / "b", seen)
    assert "pipelines" in why(tmp_path / "c", "import pipelines")
    assert "KeyError" in why(tmp_path / "d", "os.environ['PYTEST_CURRENT_TEST']")
    assert "PYTEST_CURRENT_TEST" in os.environ
