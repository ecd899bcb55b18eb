from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from pipelines.releases.git.checkouts import Checkouts
from pipelines.releases.git.mirror import Mirror
from pipelines.releases.git.problem import GitProblemError
from pipelines.releases.git.repository import AbsentCommitError
from pipelines_tests.releases.git.origin import Origin


@pytest.fixture
def checkouts(tmp_path: Path) -> Checkouts:
    return Checkouts(tmp_path / "checkouts")


def _files(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_a_checkout_has_the_files_of_its_commit_and_nothing_else(origin: Origin, mirror: Mirror, checkouts: Checkouts):
    first = origin.head()
    second = origin.commit({"pipelines/new.py": "Y = 2\n"})
    mirror.fetch(30)
    with checkouts.use(mirror.repository, first) as before, checkouts.use(mirror.repository, second) as after:
        assert before.name == first
        assert set(_files(after)) - set(_files(before)) == {"pipelines/new.py"}
        assert _files(after)["pipelines/new.py"] == b"Y = 2\n"
    assert sorted(path.name for path in checkouts.root.iterdir() if not path.name.startswith(".lease-")) == sorted(
        [first, second]
    )


def test_attributes_change_no_byte(origin: Origin, mirror: Mirror, checkouts: Checkouts):
    files: dict[str, str | bytes] = {
        ".gitattributes": "secret.py export-ignore\nstamp.py export-subst ident\n*.txt eol=crlf\n*.py filter=evil\n",
        "secret.py": "hidden = True\n",
        "stamp.py": "commit = '$Format:%H$'\nkey = '$Id$'\n",
        "lines.txt": "a\nb\n",
    }
    commit = origin.commit(files)
    mirror.fetch(30)
    with checkouts.use(mirror.repository, commit) as folder:
        for name, content in files.items():
            expected = content if isinstance(content, bytes) else content.encode()
            assert (folder / name).read_bytes() == expected


def test_scripts_stay_executable_and_links_inside_stay_links(origin: Origin, mirror: Mirror, checkouts: Checkouts):
    script = origin.work / "run.sh"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    (origin.work / "alias.sh").symlink_to("run.sh")
    commit = origin.commit({"plain.txt": "x"})
    mirror.fetch(30)
    with checkouts.use(mirror.repository, commit) as folder:
        assert os.access(folder / "run.sh", os.X_OK)
        assert not os.access(folder / "plain.txt", os.X_OK)
        assert (folder / "alias.sh").readlink() == Path("run.sh")


def test_a_link_that_leaves_the_folder_is_never_written(
    origin: Origin, mirror: Mirror, checkouts: Checkouts, tmp_path: Path
):
    (origin.work / "out").symlink_to("/etc")
    commit = origin.commit()
    mirror.fetch(30)
    with pytest.raises(GitProblemError, match="cannot be checked out"), checkouts.use(mirror.repository, commit):
        pass
    assert not (checkouts.root / commit).exists()


def test_a_commit_that_is_not_there(mirror: Mirror, checkouts: Checkouts):
    mirror.fetch(30)
    with pytest.raises(AbsentCommitError), checkouts.use(mirror.repository, "1" * 40):
        pass
    assert not (checkouts.root / ("1" * 40)).exists()
    checkouts.prune(keep=[])
    assert list(checkouts.root.iterdir()) == []


def test_it_is_made_once_and_shared(origin: Origin, mirror: Mirror, checkouts: Checkouts):
    mirror.fetch(30)
    commit = origin.head()
    seen: list[int] = []
    together = threading.Barrier(4)

    def use() -> None:
        together.wait()
        with checkouts.use(mirror.repository, commit) as folder:
            seen.append(folder.stat().st_ino)
            assert (folder / "pipelines/models/glider/model.yaml").is_file()

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 4
    assert len(set(seen)) == 1


_CHECK_OUT = """
import sys
from pathlib import Path
from pipelines.releases.git.checkouts import Checkouts
from pipelines.releases.git.repository import Repository
with Checkouts(Path(sys.argv[1])).use(Repository(Path(sys.argv[2])), sys.argv[3]) as folder:
    print("there", flush=True)
    sys.stdin.read()
"""


def _user(checkouts: Checkouts, mirror: Mirror, commit: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _CHECK_OUT, str(checkouts.root), str(mirror.repository.folder), commit]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_killed_while_it_is_made_it_is_whole_or_absent(origin: Origin, mirror: Mirror, checkouts: Checkouts):
    files: dict[str, str | bytes] = {f"pipelines/part_{number}.py": f"X = {number}\n" for number in range(1500)}
    commit = origin.commit(files)
    mirror.fetch(30)
    partial = 0
    for delay in (0.05, 0.1, 0.2, 0.3, 0.4):
        process = _user(checkouts, mirror, commit)
        _until(lambda process=process: any(checkouts.root.glob(".draft-*")) or (checkouts.root / commit).exists())
        time.sleep(delay)
        process.kill()
        process.communicate()
        partial += bool(list(checkouts.root.glob(".draft-*")))
        if (checkouts.root / commit).exists():
            break
    assert partial, "no kill came while it was being made: the test says nothing"
    with checkouts.use(mirror.repository, commit) as folder:
        assert len(list((folder / "pipelines").glob("part_*.py"))) == 1500


def test_what_is_in_use_kept_or_young_is_not_pruned(origin: Origin, mirror: Mirror, checkouts: Checkouts):
    commits = [origin.head(), origin.commit(), origin.commit()]
    mirror.fetch(30)
    for commit in commits:
        with checkouts.use(mirror.repository, commit):
            pass
    user = _user(checkouts, mirror, commits[0])
    assert user.stdout is not None
    assert user.stdout.readline() == "there\n"
    assert checkouts.prune(keep=[commits[1]], unused_seconds=3600) == []
    assert checkouts.prune(keep=[commits[1]], unused_seconds=0) == [commits[2]]
    user.kill()
    user.communicate()
    assert checkouts.prune(keep=[commits[1]], unused_seconds=0) == [commits[0]]
    assert (checkouts.root / commits[1]).is_dir()
    with checkouts.use(mirror.repository, commits[0]) as folder:
        assert folder.is_dir()


def test_abandoned_drafts_are_pruned(checkouts: Checkouts):
    draft = checkouts.root / ".draft-abc"
    draft.mkdir(parents=True)
    checkouts.prune(keep=[])
    assert draft.exists()
    os.utime(draft, (0, 0))
    checkouts.prune(keep=[])
    assert not draft.exists()


def _until(condition, seconds: float = 20) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.01)
