from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.releases.git.head import Head
from pipelines.releases.git.locks import locked
from pipelines.releases.git.mirror import Mirror
from pipelines.releases.git.problem import GitProblemError, Problem
from pipelines.releases.git.remote import Remote
from pipelines.releases.git.tree import read_tree
from pipelines_tests.releases.git.http_remote import HttpRemote
from pipelines_tests.releases.git.origin import Origin


def _kind(mirror: Mirror) -> str:
    found = mirror.fetch(30)
    assert isinstance(found, Problem)
    return found.kind


@pytest.mark.parametrize("fault", ["hang_at", "drip_at"])
def test_a_remote_that_hangs_half_way_is_left_in_time_and_the_next_fetch_works(
    http_remote: HttpRemote, by_http: Remote, tmp_path: Path, origin: Origin, fault: str
):
    origin.commit({"large.bin": os.urandom(200_000)})
    mirror = Mirror(tmp_path / "mirrors", by_http)
    assert isinstance(mirror.fetch(30), Head)
    commit = origin.commit({"larger.bin": os.urandom(200_000)})
    http_remote.drip_above_bytes = 10_000
    setattr(http_remote, fault, "git-upload-pack")
    started = time.monotonic()
    found = mirror.fetch(1.5)
    assert isinstance(found, Problem)
    assert found.passes_by_itself
    assert time.monotonic() - started < 4
    setattr(http_remote, fault, None)
    assert mirror.fetch(30) == Head(commit)


def test_a_fetch_that_is_too_large_is_stopped(http_remote: HttpRemote, by_http: Remote, tmp_path: Path, origin: Origin):
    commit = origin.commit({"large.bin": os.urandom(2_000_000)})
    mirror = Mirror(tmp_path / "mirrors", by_http, largest_fetch_bytes=500_000)
    http_remote.drip_at, http_remote.drip_above_bytes = "git-upload-pack", 10_000
    started = time.monotonic()
    assert _kind(mirror) == "too_large"
    assert time.monotonic() - started < 20
    http_remote.drip_at = None
    assert replace(mirror, largest_fetch_bytes=5_000_000).fetch(30) == Head(commit)


_FETCH = """
import sys
from pathlib import Path
from pipelines.releases.git.mirror import Mirror
from pipelines.releases.git.remote import remote_from
print(Mirror(Path(sys.argv[1]), remote_from(sys.argv[2], "release")).fetch(60), flush=True)
"""


def _fetcher(mirror: Mirror) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _FETCH, str(mirror.root), mirror.remote.url]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_killed_in_the_middle_of_a_fetch(http_remote: HttpRemote, by_http: Remote, tmp_path: Path, origin: Origin):
    mirror = Mirror(tmp_path / "mirrors", by_http)
    mirror.fetch(30)
    commit = origin.commit({"large.bin": os.urandom(3_000_000)})
    http_remote.drip_at, http_remote.drip_above_bytes = "git-upload-pack", 10_000
    for _ in range(2):
        http_remote.hung.clear()
        process = _fetcher(mirror)
        assert http_remote.hung.wait(30)
        process.send_signal(signal.SIGKILL)
        process.wait()
    # What such a kill may leave at worst: half a pack, locks of references.
    here = mirror.repository.folder
    (here / "objects" / "pack" / "tmp_pack_left").write_bytes(b"half")
    for lock in ("HEAD.lock", "packed-refs.lock", "refs/watched/release.lock", "config.lock"):
        (here / lock).touch()
    http_remote.drip_at = None
    started = time.monotonic()
    assert mirror.fetch(30) == Head(commit)
    assert time.monotonic() - started < 10
    assert mirror.repository.folder == here, "nothing was damaged, so it was not made anew"
    assert not list(here.glob("objects/pack/tmp_*"))
    mirror.repository.read("fsck", "--strict")


def test_killed_while_the_first_mirror_is_made(mirror: Mirror, origin: Origin):
    for delay in (0.0, 0.15, 0.3, 0.4, 0.5, 0.6):
        process = _fetcher(mirror)
        time.sleep(delay)
        process.kill()
        process.wait()
    assert mirror.fetch(30) == Head(origin.head())
    assert not list(mirror.folder.glob(".generation-*"))


def test_many_processes_at_once(mirror: Mirror, origin: Origin):
    processes = [_fetcher(mirror) for _ in range(4)]
    for process in processes:
        assert process.communicate(timeout=120)[0].strip() == str(Head(origin.head()))
    assert len(list(mirror.folder.glob("generation-*"))) == 1


def test_another_process_that_fetches_for_long_is_not_waited_for_for_ever(mirror: Mirror):
    mirror.fetch(30)
    with locked(mirror.folder / "lock", 1):
        started = time.monotonic()
        found = mirror.fetch(0.5)
        assert isinstance(found, Problem)
        assert (found.kind, found.passes_by_itself) == ("busy", True)
        assert time.monotonic() - started < 2


def _no_head(here: Path) -> None:
    (here / "HEAD").unlink()


def _torn_pack(here: Path) -> None:
    for pack in here.glob("objects/pack/*.pack"):
        pack.chmod(0o600)
        pack.write_bytes(pack.read_bytes()[:40])


def _no_packs(here: Path) -> None:
    for file in here.glob("objects/pack/*"):
        file.unlink()


def _garbage_ref(here: Path) -> None:
    (here / "refs/watched/release").write_text("garbage\n")


def _ref_to_nowhere(here: Path) -> None:
    (here / "refs/watched/release").write_text("1" * 40 + "\n")


def _bad_configuration(here: Path) -> None:
    (here / "config").write_text("[core\n")


def _empty(here: Path) -> None:
    for name in ("config", "HEAD"):
        (here / name).write_bytes(b"")


@pytest.mark.parametrize(
    "damage", [_no_head, _torn_pack, _no_packs, _garbage_ref, _ref_to_nowhere, _bad_configuration, _empty]
)
def test_a_damaged_mirror_is_made_anew(mirror: Mirror, origin: Origin, damage):
    mirror.fetch(30)
    damage(mirror.repository.folder)
    found = mirror.fetch(30)
    if isinstance(found, Problem):  # damage that only shows while fetching is told, and mended at the next look
        assert found.passes_by_itself
        found = mirror.fetch(30)
    assert found == Head(origin.head())
    assert read_tree(mirror.repository, origin.head()).models == ("glider",)
    mirror.repository.read("fsck", "--strict")


def test_damage_that_a_reader_finds_is_mended_by_the_next_fetch_and_what_was_kept_comes_along(
    mirror: Mirror, origin: Origin
):
    kept = origin.commit()
    mirror.fetch(30)
    mirror.keep(kept)
    origin.back_to(origin.git("rev-parse", f"{kept}~1").strip())
    before = mirror.repository
    with pytest.raises(GitProblemError):
        before.blobs(["2" * 40])
    assert mirror.fetch(30) == Head(origin.head())
    assert mirror.repository.folder != before.folder
    assert mirror.repository.has(kept)
    assert before.has(kept), "who still reads the former one can go on"


def test_readers_are_not_disturbed_by_renewals(mirror: Mirror, origin: Origin):
    mirror.fetch(30)
    commit, failures, stop = origin.head(), [], threading.Event()

    def read() -> None:
        while not stop.is_set():
            try:
                assert read_tree(mirror.repository, commit).models == ("glider",)
            except Exception as error:
                failures.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(5):
        mirror.repository.suspect()
        before = mirror.repository.folder
        assert mirror.fetch(30) == Head(commit)
        assert mirror.repository.folder != before
    stop.set()
    reader.join()
    assert failures == []


def test_a_damaged_mirror_stays_while_the_remote_is_away(mirror: Mirror, origin: Origin):
    mirror.fetch(30)
    mirror.repository.suspect()
    origin.bare.rename(origin.bare.with_name("away.git"))
    assert _kind(mirror) == "not_found"
    assert read_tree(mirror.repository, origin.head()).models == ("glider",)
    origin.bare.with_name("away.git").rename(origin.bare)
    assert mirror.fetch(30) == Head(origin.head())


def test_a_place_that_cannot_be_written(origin: Origin, remote: Remote, tmp_path: Path):
    (tmp_path / "file").touch()
    found = Mirror(tmp_path / "file", remote)
    assert _kind(found) == "git"


def test_objects_that_only_an_attacker_makes_are_not_taken(mirror: Mirror, origin: Origin):
    tree = subprocess.run(
        ["git", "-C", origin.work, "mktree"],
        input=f"040000 tree {origin.git('rev-parse', 'HEAD^{tree}').strip()}\t.git\n",
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    commit = origin.git("commit-tree", tree, "-p", "HEAD", "-m", "hostile").strip()
    origin.push(commit)
    found = mirror.fetch(30)
    assert isinstance(found, Problem)
    assert found.kind == "contents"
    assert "git fsck" in found.remedy
