from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipelines.releases.git.command import GitStoppedError, GitTimeoutError, run_git
from pipelines.releases.git.locks import LockedError, locked


def _nap(folder: Path) -> list[str]:
    """Arguments with which git runs a program for five seconds, by way of an alias."""
    return ["-c", f"alias.nap=!cd {folder}; touch begun; sleep 5; touch survived; echo done", "nap"]


@pytest.mark.parametrize("guarded", [False, True])
def test_output_status_and_words(guarded: bool):
    done = run_git(["version"], 10, guarded=guarded)
    assert (done.status, done.stdout[:12], done.stderr) == (0, b"git version ", "")
    failed = run_git(["rev-parse", "--git-dir"], 10, guarded=guarded, variables={"GIT_DIR": "/dev/null"})
    assert failed.status == 128
    assert "not a git repository" in failed.stderr


def test_a_process_that_ignores_the_request_to_end_is_not_waited_for():
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)  # as in Dagster's code servers
    try:
        assert run_git(["version"], 10, guarded=True).status == 0
    finally:
        signal.signal(signal.SIGTERM, before)


def test_more_output_than_a_pipe_holds():
    done = run_git(
        ["-c", "alias.much=!head -c 3000000 /dev/zero; head -c 200000 /dev/zero >&2", "much"], 20, guarded=True
    )
    assert (len(done.stdout), len(done.stderr)) == (3_000_000, 200_000)


def test_of_endless_words_the_end_is_kept():
    done = run_git(["-c", "alias.much=!head -c 9000000 /dev/zero >&2; echo the reason >&2", "much"], 20)
    assert len(done.stderr) < 3_000_000
    assert done.stderr.endswith("the reason")


@pytest.mark.parametrize("guarded", [False, True])
def test_what_takes_too_long_is_killed_with_its_children(guarded: bool, tmp_path: Path):
    started = time.monotonic()
    with pytest.raises(GitTimeoutError, match=r"0\.8 s"):
        run_git(_nap(tmp_path), 0.8, guarded=guarded)
    assert time.monotonic() - started < 3
    assert (tmp_path / "begun").exists()
    assert not _runs("sleep 5", tmp_path)


def test_a_watcher_can_stop_it(tmp_path: Path):
    with pytest.raises(GitStoppedError):
        run_git(_nap(tmp_path), 20, guarded=True, unless=lambda: (tmp_path / "begun").exists())


def test_git_dies_with_the_process_that_ran_it_and_lets_go_of_the_lock(tmp_path: Path):
    program = f"""
from pathlib import Path
from pipelines.releases.git.command import run_git
from pipelines.releases.git.locks import locked
with locked(Path({str(tmp_path / "lock")!r}), 1) as descriptor:
    run_git({_nap(tmp_path)!r}, 30, guarded=True, inherited=(descriptor,))
"""
    process = subprocess.Popen([sys.executable, "-c", program])
    _until(lambda: (tmp_path / "begun").exists())
    with pytest.raises(LockedError), locked(tmp_path / "lock", 0.1):
        pass
    process.kill()
    process.wait()
    with locked(tmp_path / "lock", 3):
        assert not (tmp_path / "survived").exists()


def test_standard_input_reaches_git(tmp_path: Path):
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    done = run_git([f"--git-dir={tmp_path}/.git", "hash-object", "--stdin"], 10, given=b"hello\n")
    assert done.stdout.strip() == b"ce013625030ba8dba906f756967f9e9ca394464a"


def test_sharers_share_and_a_writer_waits(tmp_path: Path):
    file = tmp_path / "lock"
    with locked(file, 0, shared=True), locked(file, 0, shared=True), pytest.raises(LockedError), locked(file, 0.05):
        pass
    with locked(file, 0), pytest.raises(LockedError), locked(file, 0.05, shared=True):
        pass


def test_a_lock_whose_file_was_removed_is_taken_anew(tmp_path: Path):
    file = tmp_path / "lock"
    with locked(file, 0):
        file.unlink()
        with locked(file, 0):
            assert file.exists()


def _runs(command: str, folder: Path) -> bool:
    time.sleep(0.1)
    for entry in Path("/proc").iterdir():
        try:
            if str((entry / "cwd").readlink()) == str(folder) and command.encode() in (
                entry / "cmdline"
            ).read_bytes().replace(b"\0", b" "):
                return True
        except OSError:
            continue
    return False


def _until(condition, seconds: float = 20) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.02)
