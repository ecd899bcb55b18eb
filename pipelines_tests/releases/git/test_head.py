from __future__ import annotations

import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.releases.git.head import Head, read_head
from pipelines.releases.git.problem import Problem
from pipelines.releases.git.remote import Remote, remote_from
from pipelines_tests.releases.git.http_remote import HttpRemote
from pipelines_tests.releases.git.origin import Origin


def _problem(remote: Remote, seconds: float = 10) -> Problem:
    found = read_head(remote, seconds)
    assert isinstance(found, Problem), found
    assert remote.url in found.what or "git is not installed" in found.what
    assert found.remedy.endswith(".")
    return found


def test_the_head_by_file_and_by_http(origin: Origin, remote: Remote, by_http: Remote):
    assert read_head(remote, 10) == read_head(by_http, 10) == Head(origin.head())
    commit = origin.commit()
    assert read_head(remote, 10) == read_head(by_http, 10) == Head(commit)


def test_a_look_by_http_is_one_listing_and_nothing_else(http_remote: HttpRemote, by_http: Remote):
    read_head(by_http, 10)
    assert http_remote.requests == [
        "GET /origin.git/info/refs?service=git-upload-pack",
        "POST /origin.git/git-upload-pack",
    ]


def test_a_branch_whose_name_only_ends_alike_is_another(origin: Origin, remote: Remote):
    first = origin.head()
    origin.commit(push=False)
    origin.push(branch="a/refs/heads/release")
    assert read_head(remote, 10) == Head(first)
    origin.delete()
    assert _problem(remote).kind == "branch_missing"


def test_a_missing_branch_says_that_what_runs_stays(remote: Remote, origin: Origin):
    origin.delete()
    problem = _problem(remote)
    assert problem.kind == "branch_missing"
    assert "no branch 'release'" in problem.what
    assert "stays as it is" in problem.remedy
    assert not problem.passes_by_itself


def test_an_empty_repository_has_no_branch(tmp_path: Path):
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "empty.git")], check=True)
    assert _problem(remote_from(str(tmp_path / "empty.git"), "release")).kind == "branch_missing"


def test_no_repository_there(tmp_path: Path, http_remote: HttpRemote):
    assert _problem(remote_from(f"file://{tmp_path}/none.git", "release")).kind == "not_found"
    (tmp_path / "folder").mkdir()
    assert _problem(remote_from(str(tmp_path / "folder"), "release")).kind == "not_found"
    assert _problem(remote_from(f"{http_remote.url}/none.git", "release")).kind == "not_found"


def test_nobody_listens_or_no_such_host():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    for url in (f"http://127.0.0.1:{port}/x", f"git://127.0.0.1:{port}/x", "https://nowhere.invalid/x"):
        problem = _problem(remote_from(url, "release"))
        assert problem.kind == "unreachable", url
        assert problem.passes_by_itself


def test_credentials(http_remote: HttpRemote):
    http_remote.credentials = "amelia:s3cret-t0ken"
    url = f"{http_remote.url}/origin.git"
    assert isinstance(read_head(remote_from(url, "release", user="amelia", token="s3cret-t0ken"), 10), Head)
    for remote in (remote_from(url, "release"), remote_from(url, "release", user="amelia", token="wr0ng-t0ken")):
        started = time.monotonic()
        problem = _problem(remote)
        assert time.monotonic() - started < 5
        assert problem.kind == "authentication"
        assert "wr0ng" not in str(problem)
        assert not problem.passes_by_itself


def test_a_token_is_in_no_list_of_processes(http_remote: HttpRemote):
    http_remote.hang_at = "info/refs"
    remote = remote_from(f"http://amelia:s3cret-t0ken@{http_remote.url.removeprefix('http://')}/origin.git", "release")
    looking = threading.Thread(target=read_head, args=(remote, 3))
    looking.start()
    assert http_remote.hung.wait(5)
    lines = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    looking.join()
    assert f"{http_remote.url}/origin.git" in lines
    assert "s3cret" not in lines


@pytest.mark.parametrize(("status", "kind"), [(403, "authentication"), (404, "not_found"), (503, "unreachable")])
def test_what_a_server_answers(http_remote: HttpRemote, by_http: Remote, status: int, kind: str):
    http_remote.answer = status
    assert _problem(by_http).kind == kind


def _descendants() -> set[str]:
    listed = subprocess.run(["ps", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in listed.splitlines()]
    found, generation = set(), {str(os.getpid())}
    while generation:
        generation = {row[0] for row in rows if row[1] in generation and "ps -eo" not in row[2]}
        found |= generation
    return found


def test_a_remote_that_hangs_is_left_in_time_with_nothing_left_behind(http_remote: HttpRemote, by_http: Remote):
    before = _descendants()
    http_remote.hang_at = "info/refs"
    started = time.monotonic()
    problem = _problem(by_http, 1.0)
    assert 0.9 < time.monotonic() - started < 3
    assert (problem.kind, problem.passes_by_itself) == ("timed_out", True)
    assert "1 s" in problem.what
    assert _descendants() <= before


def test_a_remote_that_answers_half_is_left_in_time(http_remote: HttpRemote, by_http: Remote):
    http_remote.drip_at = "git-upload-pack"
    started = time.monotonic()
    problem = _problem(by_http, 1.5)
    assert time.monotonic() - started < 4
    assert problem.passes_by_itself


@pytest.fixture
def silent_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@pytest.mark.parametrize("scheme", ["http", "git", "ssh"])
def test_a_port_that_takes_the_call_and_says_nothing(silent_port: int, scheme: str):
    started = time.monotonic()
    problem = _problem(remote_from(f"{scheme}://127.0.0.1:{silent_port}/x", "release"), 1.0)
    assert time.monotonic() - started < 3
    assert problem.passes_by_itself, problem


def test_git_daemon(origin: Origin):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    served = subprocess.Popen(
        ["git", "daemon", "--export-all", "--listen=127.0.0.1", f"--port={port}", f"--base-path={origin.bare.parent}"],
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        remote = remote_from(f"git://127.0.0.1:{port}/origin.git", "release")
        ends = time.monotonic() + 10
        while isinstance(found := read_head(remote, 5), Problem) and time.monotonic() < ends:
            time.sleep(0.05)
        assert found == Head(origin.head())
        assert _problem(remote_from(f"git://127.0.0.1:{port}/none.git", "release")).kind == "not_found"
    finally:
        os.killpg(served.pid, 15)
        served.wait()


def test_an_ssh_that_refuses_asks_nobody(tmp_path: Path):
    ssh = tmp_path / "ssh"
    ssh.write_text(
        '#!/bin/sh\necho "$@" > "$0.arguments"\necho "git@host: Permission denied (publickey)." >&2\nexit 255\n'
    )
    ssh.chmod(0o755)
    problem = _problem(remote_from("git@host:models.git", "release", ssh_command=f"{ssh} -i key"))
    assert problem.kind == "authentication"
    assert "-i key -o BatchMode=yes" in (tmp_path / "ssh.arguments").read_text()


def test_an_unknown_host_key_has_its_own_remedy(tmp_path: Path):
    ssh = tmp_path / "ssh"
    ssh.write_text('#!/bin/sh\necho "Host key verification failed." >&2\nexit 255\n')
    ssh.chmod(0o755)
    problem = _problem(remote_from("git@host:models.git", "release", ssh_command=str(ssh)))
    assert problem.kind == "authentication"
    assert "known_hosts" in problem.remedy


def test_the_repository_where_the_daemon_runs_takes_no_part(
    origin: Origin, remote: Remote, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    origin.git("config", f"url.file://{tmp_path}/elsewhere.insteadOf", remote.url)
    monkeypatch.chdir(origin.work)
    monkeypatch.setenv("GIT_DIR", str(origin.work / ".git"))
    monkeypatch.setenv("GIT_ASKPASS", "/does/not/exist")
    assert read_head(remote, 10) == Head(origin.head())


def test_without_git(remote: Remote, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("PATH", str(tmp_path))
    problem = _problem(remote)
    assert "git is not installed" in problem.what
