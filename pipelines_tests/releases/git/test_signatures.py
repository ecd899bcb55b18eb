from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from pipelines.releases.git.mirror import Mirror
from pipelines.releases.git.signatures import SignaturePolicy, Verdict, signature_problems, verify
from pipelines_tests.releases.git.keys import SshKey
from pipelines_tests.releases.git.origin import Origin

pytestmark = pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="ssh-keygen, which makes the keys, is missing")


def _judge(mirror: Mirror, policy: SignaturePolicy, head: str, before: str | None = None):
    mirror.fetch(30)
    return signature_problems(mirror.repository, head, before, policy)


def _verdict(mirror: Mirror, policy: SignaturePolicy, commit: str) -> Verdict:
    mirror.fetch(30)
    return verify(mirror.repository, [commit], policy)[0]


def test_off_looks_at_nothing(origin: Origin, mirror: Mirror):
    assert _judge(mirror, SignaturePolicy("off"), origin.head()) == ([], [])


def test_a_commit_of_a_trusted_signer(origin: Origin, mirror: Mirror, amelia: SshKey, signers: Path):
    amelia.use(origin)
    commit = origin.commit(sign=True)
    verdicts, problems = _judge(mirror, SignaturePolicy("head", signers), commit)
    assert problems == []
    assert verdicts == [Verdict(commit, "good", "amelia@example.org", amelia.fingerprint)]


def test_an_unsigned_one(origin: Origin, mirror: Mirror, signers: Path):
    commit = origin.commit()
    (verdict,), (problem,) = _judge(mirror, SignaturePolicy("head", signers), commit)
    assert verdict == Verdict(commit, "unsigned", None, None)
    assert f"{commit[:12]} is not signed" in problem.what
    assert "git commit --allow-empty -S" in problem.remedy


def test_one_of_a_stranger(origin: Origin, mirror: Mirror, stranger: SshKey, signers: Path):
    stranger.use(origin)
    commit = origin.commit(sign=True)
    (verdict,), (problem,) = _judge(mirror, SignaturePolicy("head", signers), commit)
    assert verdict == Verdict(commit, "unknown", None, stranger.fingerprint)
    assert stranger.fingerprint in problem.what
    assert str(signers) in problem.remedy


def test_trusting_a_stranger_later(origin: Origin, mirror: Mirror, stranger: SshKey, signers: Path):
    stranger.use(origin)
    commit = origin.commit(sign=True)
    policy = SignaturePolicy("head", signers)
    before = policy.digest
    signers.write_text(signers.read_text() + stranger.allowed())
    assert policy.digest != before
    assert _judge(mirror, policy, commit)[1] == []


def test_a_commit_whose_contents_were_changed_after_signing(
    origin: Origin, mirror: Mirror, amelia: SshKey, signers: Path
):
    amelia.use(origin)
    signed = subprocess.run(
        ["git", "-C", origin.work, "cat-file", "commit", origin.commit(sign=True)], capture_output=True, check=True
    ).stdout
    forged = subprocess.run(
        ["git", "-C", origin.work, "hash-object", "-t", "commit", "-w", "--stdin"],
        input=signed.replace(b"a change", b"a chance"),
        capture_output=True,
        check=True,
    )
    commit = forged.stdout.decode().strip()
    origin.push(commit)
    (verdict,), (problem,) = _judge(mirror, SignaturePolicy("head", signers), commit)
    assert verdict.state == "bad"
    assert verdict.signer is None
    assert "in another's name" in problem.remedy


def test_a_key_that_was_allowed_only_until_yesterday(origin: Origin, mirror: Mirror, amelia: SshKey, signers: Path):
    """The commit claims a time at which the key was valid, as anyone who has an old key can make it claim."""
    signers.write_text(amelia.allowed('valid-before="20240101"'))
    amelia.use(origin)
    commit = origin.commit(sign=True)
    assert origin.time < 1_704_000_000
    (verdict,), (problem,) = _judge(mirror, SignaturePolicy("head", signers), commit)
    assert verdict == Verdict(commit, "expired", "amelia@example.org", amelia.fingerprint)
    assert "expired" in problem.what


def test_a_key_for_something_else_than_git(origin: Origin, mirror: Mirror, amelia: SshKey, signers: Path):
    signers.write_text(amelia.allowed('namespaces="file"'))
    amelia.use(origin)
    assert _verdict(mirror, SignaturePolicy("head", signers), origin.commit(sign=True)).state in ("unknown", "bad")


def test_a_revoked_key(origin: Origin, mirror: Mirror, amelia: SshKey, signers: Path, tmp_path: Path):
    amelia.use(origin)
    commit = origin.commit(sign=True)
    revoked = tmp_path / "revoked"
    revoked.write_text(f"{amelia.public}\n")
    assert _verdict(mirror, SignaturePolicy("head", signers, revoked), commit).state != "good"


def test_a_range_needs_every_commit_and_the_head_only_itself(
    origin: Origin, mirror: Mirror, amelia: SshKey, signers: Path
):
    amelia.use(origin)
    first = origin.commit(sign=True)
    unsigned, head = origin.commit(), origin.commit(sign=True)
    assert _judge(mirror, SignaturePolicy("head", signers), head, first)[1] == []
    verdicts, (problem,) = _judge(mirror, SignaturePolicy("range", signers), head, first)
    assert [(verdict.commit, verdict.state) for verdict in verdicts] == [(head, "good"), (unsigned, "unsigned")]
    assert unsigned[:12] in problem.what
    assert head[:12] not in problem.what
    assert _judge(mirror, SignaturePolicy("range", signers), head, unsigned)[1] == []
    assert len(_judge(mirror, SignaturePolicy("range", signers), head, None)[0]) == 1, "the first release: itself only"


def test_a_range_includes_what_was_merged(origin: Origin, mirror: Mirror, amelia: SshKey, signers: Path):
    amelia.use(origin)
    first = origin.head()
    origin.git("checkout", "-q", "-b", "topic")
    inside = origin.commit({"topic.txt": "x"}, push=False)
    origin.git("checkout", "-q", "release")
    origin.git("merge", "-q", "--no-ff", "-S", "-m", "merge", "topic", **origin.dates())
    origin.push()
    _, (problem,) = _judge(mirror, SignaturePolicy("range", signers), origin.head(), first)
    assert inside[:12] in problem.what


def test_a_range_that_is_too_long_is_not_half_looked_at(
    origin: Origin, mirror: Mirror, amelia: SshKey, signers: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("pipelines.releases.git.signatures.MOST_COMMITS", 2)
    amelia.use(origin)
    first = origin.head()
    for _ in range(3):
        origin.commit(sign=True)
    verdicts, (problem,) = _judge(mirror, SignaturePolicy("range", signers), origin.head(), first)
    assert verdicts == []
    assert "More than 2 commits" in problem.what


@pytest.mark.parametrize("missing", ["allowed_signers", "revoked_keys", "keyring"])
def test_signatures_that_cannot_be_checked_release_nothing(
    origin: Origin, mirror: Mirror, signers: Path, tmp_path: Path, missing: str
):
    places = {"allowed_signers": signers, missing: tmp_path / "none"}
    _, (problem,) = _judge(mirror, SignaturePolicy("head", **places), origin.head())
    assert str(tmp_path / "none") in problem.what
    _, (problem,) = _judge(mirror, SignaturePolicy("head"), origin.head())
    assert "neither" in problem.what


def test_what_the_repository_itself_says_of_signers_counts_for_nothing(
    origin: Origin, mirror: Mirror, stranger: SshKey, signers: Path
):
    stranger.use(origin)
    commit = origin.commit({"allowed_signers": stranger.allowed(), ".gitconfig": "[gpg]\n"}, sign=True)
    assert _verdict(mirror, SignaturePolicy("head", signers), commit).state == "unknown"
