"""Real keys of made-up people, for signing commits."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from pipelines_tests.releases.git.origin import Origin


@dataclass(frozen=True)
class SshKey:
    """An SSH key that git can sign with."""

    principal: str
    private: Path

    @property
    def public(self) -> str:
        return self.private.with_suffix(".pub").read_text().strip()

    @property
    def fingerprint(self) -> str:
        shown = subprocess.run(["ssh-keygen", "-lf", self.private], capture_output=True, text=True, check=True)
        return shown.stdout.split()[1]

    def allowed(self, options: str = "") -> str:
        """The key's line in a file of allowed signers."""
        kind, key, *_ = self.public.split()
        return f"{self.principal} {options}{' ' if options else ''}{kind} {key}\n"

    def use(self, origin: Origin) -> None:
        """Have commits that are signed there signed with this key."""
        origin.git("config", "gpg.format", "ssh")
        origin.git("config", "user.signingKey", str(self.private))


def new_ssh_key(folder: Path, principal: str) -> SshKey:
    """An ed25519 key without a passphrase."""
    file = folder / principal.split("@")[0]
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", principal, "-f", str(file)], check=True)
    return SshKey(principal, file)


class GnuPG:
    """A GnuPG home folder with an agent of its own."""

    def __init__(self, home: Path) -> None:
        # A short path: the agent's socket lies in it.
        self.home = home
        home.mkdir(mode=0o700)

    def run(self, *arguments: str, given: bytes | None = None) -> bytes:
        """Run gpg here."""
        command = ["gpg", "--batch", "--quiet", "--homedir", str(self.home), *arguments]
        return subprocess.run(command, input=given, capture_output=True, check=True).stdout

    def new_key(self, address: str, expires: str = "never", now: str | None = None) -> str:
        """Make a key without a passphrase; returns its fingerprint."""
        faked = ["--faked-system-time", now] if now else []
        self.run(
            *faked, "--pinentry-mode", "loopback", "--passphrase", "",
            "--quick-generate-key", f"Amelia <{address}>", "ed25519", "sign", expires,
        )  # fmt: skip
        listed = self.run("--list-keys", "--with-colons", address).decode().splitlines()
        return next(line.split(":")[9] for line in listed if line.startswith("fpr"))

    def use(self, origin: Origin, fingerprint: str) -> dict[str, str]:
        """Have commits that are signed there signed with this key; returns the environment that git needs for it."""
        origin.git("config", "gpg.format", "openpgp")
        origin.git("config", "user.signingKey", fingerprint)
        return {"GNUPGHOME": str(self.home)}

    def close(self) -> None:
        """End the agent."""
        subprocess.run(["gpgconf", "--homedir", str(self.home), "--kill", "all"], check=False, capture_output=True)
        shutil.rmtree(self.home, ignore_errors=True)
