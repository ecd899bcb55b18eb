"""Fixtures of the git layer's tests: real repositories, real remotes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.releases.git.mirror import Mirror
from pipelines.releases.git.remote import Remote, remote_from
from pipelines_tests.releases.git.http_remote import HttpRemote
from pipelines_tests.releases.git.keys import GnuPG, SshKey, new_ssh_key
from pipelines_tests.releases.git.origin import MODEL, Origin
from pipelines_tests.releases.git.watcher import Watcher


@pytest.fixture(autouse=True)
def _no_personal_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests, their git configuration and agents take no part."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for name in ("SSH_AUTH_SOCK", "GNUPGHOME", "GIT_DIR", "GIT_ASKPASS", "SSH_ASKPASS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    """A remote whose branch `release` has one commit, with one model."""
    made = Origin(tmp_path)
    made.commit(MODEL, "the first model")
    return made


@pytest.fixture
def remote(origin: Origin) -> Remote:
    """Branch `release` of the origin, by file://."""
    return remote_from(f"file://{origin.bare}", "release")


@pytest.fixture
def mirror(remote: Remote, tmp_path: Path) -> Mirror:
    """A mirror of the origin that was never fetched."""
    return Mirror(tmp_path / "mirrors", remote)


@pytest.fixture
def http_remote(origin: Origin) -> Iterator[HttpRemote]:
    """The origin over HTTP, at `<url>/origin.git`."""
    served = HttpRemote(origin.bare.parent)
    yield served
    served.close()


@pytest.fixture
def by_http(http_remote: HttpRemote) -> Remote:
    """Branch `release` of the origin, by HTTP."""
    return remote_from(f"{http_remote.url}/origin.git", "release")


@pytest.fixture
def watcher(mirror: Mirror) -> Watcher:
    """A watcher of the origin's branch that knows of no release."""
    return Watcher(mirror)


@pytest.fixture
def amelia(tmp_path: Path) -> SshKey:
    return new_ssh_key(tmp_path, "amelia@example.org")


@pytest.fixture
def stranger(tmp_path: Path) -> SshKey:
    return new_ssh_key(tmp_path, "stranger@example.org")


@pytest.fixture
def signers(tmp_path: Path, amelia: SshKey) -> Path:
    file = tmp_path / "allowed_signers"
    file.write_text(amelia.allowed())
    return file


@pytest.fixture
def gnupg() -> Iterator[GnuPG]:
    made = GnuPG(Path(tempfile.mkdtemp(prefix="g"), "h"))
    yield made
    made.close()
    made.home.parent.rmdir()


@pytest.fixture
def keyring() -> Iterator[GnuPG]:
    """The home folder of those who verify."""
    made = GnuPG(Path(tempfile.mkdtemp(prefix="k"), "h"))
    yield made
    made.close()
    made.home.parent.rmdir()
