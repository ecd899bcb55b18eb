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
from pipelines.releases.git.remote import Remote, remote_from
from pipelines.releases.git.tree import read_tree
from pipelines_tests.releases.git.http_remote import HttpRemote
from pipelines_tests.releases.git.origin import Origin


def test_the_branch_comes_with_its_history(origin: Origin, mirror: Mirror):
    first = origin.head()
    assert mirror.fetch(30) == Head(first)
    second = origin.commit()
    assert not mirror.repository.has(second)
    assert mirror.fetch(30) == Head(second)
    assert mirror.repository.has(first)
    assert mirror.repository.read("rev-list", "--count", second).strip() == b"2"


def test_only_the_branch_is_fetched(origin: Origin, mirror: Mirror):
    origin.git("tag", "v1")
    origin.git("push", "-q", "--tags")
    other = origin.commit(push=False)
    origin.push(branch="other")
    mirror.fetch(30)
    assert not mirror.repository.has(other)
    assert mirror.repository.read("for-each-ref", "--format=%(refname)").split() == [b"refs/watched/release"]


def test_one_mirror_serves_several_branches(origin: Origin, mirror: Mirror):
    released = origin.head()
    developed = origin.commit(push=False)
    origin.push(branch="main")
    main = replace(mirror, remote=remote_from(mirror.remote.url, "main"))
    assert (mirror.fetch(30), main.fetch(30)) == (Head(released), Head(developed))
    assert mirror.folder == main.folder


def test_a_forced_push_is_followed_and_what_was_kept_stays(origin: Origin, mirror: Mirror):
    first = origin.head()
    kept, lost = origin.commit(), origin.commit()
    mirror.fetch(30)
    mirror.keep(kept)
    origin.back_to(first)
    assert mirror.fetch(30) == Head(first)
    mirror.repository.read("gc", "--prune=now", "--quiet")
    assert mirror.repository.has(kept)
    assert not mirror.repository.has(lost)


def test_a_commit_beside_the_branch_can_be_brought_too(origin: Origin, mirror: Mirror):
    first, second = origin.head(), origin.commit()
    origin.back_to(first)
    subprocess.run(["git", "-C", origin.bare, "config", "uploadpack.allowAnySHA1InWant", "true"], check=True)
    assert mirror.fetch(30, also=second) == Head(first)
    assert mirror.repository.has(second)
    assert mirror.fetch(30, also="0" * 40) == Head(first)


def test_a_deleted_branch_a_missing_repository_and_wrong_credentials(
    origin: Origin, mirror: Mirror, http_remote: HttpRemote, tmp_path: Path
):
    origin.delete()
    assert _kind(mirror) == "branch_missing"
    assert _kind(Mirror(tmp_path / "m", remote_from(f"file://{tmp_path}/none.git", "release"))) == "not_found"
    http_remote.credentials = "a:b"
    assert _kind(Mirror(tmp_path / "m", remote_from(f"{http_remote.url}/origin.git", "release"))) == "authentication"


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
    setattr(http_remote, fault, "git-upload-pack")
    started = time.monotonic()
    found = mirror.fetch(1.5)
    assert isinstance(found, Problem)
    assert found.passes_by_itself
    assert time.monotonic() - started < 4
    setattr(http_remote, fault, None)
    assert mirror.fetch(30) == Head(commit)


def test_a_fetch_that_is_too_large_is_stopped(origin: Origin, mirror: Mirror):
    origin.git("config", "core.compression", "0")
    origin.commit({"large.bin": os.urandom(60_000_000)})
    assert _kind(replace(mirror, largest_fetch_bytes=1_000_000)) == "too_large"
    assert isinstance(mirror.fetch(60), Head)


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
    http_remote.drip_at = "git-upload-pack"
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


def test_packs_are_put_together_now_and_then(mirror: Mirror, origin: Origin, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pipelines.releases.git.mirror._MOST_PACKS", 4)
    commits = []
    for _ in range(6):
        commits.append(origin.commit())
        assert mirror.fetch(30) == Head(commits[-1])
    assert len(list(mirror.repository.folder.glob("objects/pack/*.pack"))) < 4
    assert all(mirror.repository.has(commit) for commit in commits)


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
