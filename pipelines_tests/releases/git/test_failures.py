"""What git, ssh and hosting services really write, and what a person is told."""

from __future__ import annotations

import time

import pytest

from pipelines.releases.git.failures import failed
from pipelines.releases.git.problem import Kind
from pipelines.releases.git.remote import remote_from

REMOTE = remote_from("git@github.com:flight/models.git", "release", token="s3cret-t0ken")

# Words of git 2.39 and OpenSSH 9, and of GitHub and GitLab as their users report them.
SAID: list[tuple[Kind, str]] = [
    ("branch_missing", "fatal: couldn't find remote ref refs/heads/release"),
    ("authentication", "fatal: Authentication failed for 'https://host/x/'"),
    ("authentication", "fatal: could not read Username for 'https://host': terminal prompts disabled"),
    ("authentication", "git@github.com: Permission denied (publickey).\nfatal: Could not read from remote repository."),
    ("authentication", "Host key verification failed.\nfatal: Could not read from remote repository."),
    ("authentication", "fatal: unable to access 'https://host/x/': The requested URL returned error: 403"),
    ("authentication", "remote: HTTP Basic: Access denied\nfatal: Authentication failed for 'https://host/x/'"),
    ("not_found", "ERROR: Repository not found.\nfatal: Could not read from remote repository."),
    ("not_found", "remote: Repository not found.\nfatal: repository 'https://host/x/' not found"),
    ("not_found", "fatal: '/srv/none.git' does not appear to be a git repository"),
    ("not_found", "fatal: remote error: access denied or repository not exported: /none.git"),
    ("unreachable", "fatal: unable to access 'https://host/x/': Could not resolve host: host"),
    (
        "unreachable",
        "ssh: Could not resolve hostname host: Name or service not known",
    ),
    ("unreachable", "ssh: connect to host host port 22: Connection refused\nfatal: Could not read from remote"),
    ("unreachable", "fatal: unable to access 'https://host/x/': The requested URL returned error: 502"),
    ("unreachable", "fatal: the remote end hung up unexpectedly"),
    ("unreachable", "error: RPC failed; curl 56 GnuTLS recv error (-54)\nfatal: early EOF"),
    ("unreachable", "fatal: unable to access 'https://host/x/': SSL certificate problem: certificate has expired"),
    ("unreachable", ""),
    ("timed_out", "ssh: connect to host host port 22: Connection timed out\nfatal: Could not read from remote"),
    ("timed_out", "fatal: unable to access 'https://host/x/': Operation too slow. Less than 1 bytes/sec transferred"),
    ("git", "fatal: write error: No space left on device\nfatal: fetch-pack: invalid index-pack output"),
    ("contents", "error: object 5a1b: hasDotgit: contains '.git'\nfatal: fsck error in packed object"),
]


@pytest.mark.parametrize(("kind", "said"), SAID)
def test_what_was_said_is_understood(kind: Kind, said: str):
    problem = failed(REMOTE, said)
    assert problem.kind == kind
    assert REMOTE.url in problem.what
    assert problem.remedy.endswith(".")


def test_the_reason_comes_without_what_surrounds_it_and_without_secrets():
    problem = failed(
        REMOTE,
        "remote: Enumerating objects: 5, done.\nhint: look here\n"
        "fatal: unable to access 'https://amelia:s3cret-t0ken@host/x/': Connection refused",
    )
    assert problem.what.endswith("Git says: fatal: unable to access 'https://***@host/x/': Connection refused")


def test_a_flood_of_words_is_cut():
    for flood in ("x" * 1_000_000, "://" * 300_000, "://a:" * 200_000):
        started = time.monotonic()
        assert len(failed(REMOTE, f"fatal: {flood}").what) < 500
        assert time.monotonic() - started < 1
