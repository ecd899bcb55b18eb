from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipelines.releases.git.mirror import Mirror
from pipelines.releases.git.signatures import SignaturePolicy, Verdict, signature_problems, verify
from pipelines_tests.releases.git.keys import GnuPG, SshKey
from pipelines_tests.releases.git.origin import Origin

pytestmark = [
    pytest.mark.skipif(not shutil.which("gpg"), reason="gpg, which makes PGP keys, is missing"),
    pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="ssh-keygen, which makes SSH keys, is missing"),
]


def _judge(mirror: Mirror, policy: SignaturePolicy, head: str, before: str | None = None):
    mirror.fetch(30)
    return signature_problems(mirror.repository, head, before, policy)


def _verdict(mirror: Mirror, policy: SignaturePolicy, commit: str) -> Verdict:
    mirror.fetch(30)
    return verify(mirror.repository, [commit], policy)[0]


def test_a_pgp_key_in_the_keyring(origin: Origin, mirror: Mirror, gnupg: GnuPG, keyring: GnuPG):
    fingerprint = gnupg.new_key("amelia@example.org")
    commit = origin.commit(sign=True, variables=gnupg.use(origin, fingerprint))
    policy = SignaturePolicy("head", keyring=keyring.home)
    assert _verdict(mirror, policy, commit).state == "unchecked"
    before = policy.digest
    keyring.run("--import", given=gnupg.run("--export", fingerprint))
    assert policy.digest != before
    assert _verdict(mirror, policy, commit) == Verdict(commit, "good", "Amelia <amelia@example.org>", fingerprint)


def test_a_pgp_key_in_the_keyring_of_whoever_runs_this_counts_for_nothing(
    origin: Origin, mirror: Mirror, gnupg: GnuPG, signers: Path, monkeypatch: pytest.MonkeyPatch
):
    fingerprint = gnupg.new_key("amelia@example.org")
    commit = origin.commit(sign=True, variables=gnupg.use(origin, fingerprint))
    monkeypatch.setenv("GNUPGHOME", str(gnupg.home))
    assert _verdict(mirror, SignaturePolicy("head", signers), commit).state == "unchecked"


def test_an_expired_pgp_key(origin: Origin, mirror: Mirror, gnupg: GnuPG, keyring: GnuPG):
    fingerprint = gnupg.new_key("amelia@example.org", expires="1d", now="20231114T000000!")
    gnupg.run("--list-keys")
    (gnupg.home / "gpg.conf").write_text("faked-system-time 20231114T100000!\n")
    commit = origin.commit(sign=True, variables=gnupg.use(origin, fingerprint))
    keyring.run("--import", given=gnupg.run("--export", fingerprint))
    found = _verdict(mirror, SignaturePolicy("head", keyring=keyring.home), commit)
    assert (found.state, found.fingerprint) == ("expired", fingerprint)


def test_ssh_and_pgp_side_by_side(
    origin: Origin, mirror: Mirror, gnupg: GnuPG, keyring: GnuPG, amelia: SshKey, signers: Path
):
    first = origin.head()
    fingerprint = gnupg.new_key("bessie@example.org")
    keyring.run("--import", given=gnupg.run("--export", fingerprint))
    by_pgp = origin.commit(sign=True, variables=gnupg.use(origin, fingerprint))
    amelia.use(origin)
    by_ssh = origin.commit(sign=True)
    verdicts, problems = _judge(mirror, SignaturePolicy("range", signers, keyring=keyring.home), by_ssh, first)
    assert problems == []
    assert [(verdict.commit, verdict.fingerprint) for verdict in verdicts] == [
        (by_ssh, amelia.fingerprint),
        (by_pgp, fingerprint),
    ]
