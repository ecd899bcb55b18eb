"""A branch of a git remote, and how to reach it without showing its secrets to anyone."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

_SCHEMES = ("https", "http", "ssh", "git", "file")
_SSH_LIKE = re.compile(r"^[A-Za-z0-9_.-]+@[A-Za-z0-9_.-]+:(?!/?/).+$")
_SHORTEST_SECRET = 6
_BAD_BRANCH = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|\.lock(/|$)|/\.|^[-./]|[./]$|^$|^@$")


class InvalidRemoteError(ValueError):
    """A remote's address or branch that cannot be used; the message says why and how to write it."""


@dataclass(frozen=True)
class Remote:
    """One branch of one remote."""

    url: str
    """Without password or token: it stands in messages and in the list of processes."""
    branch: str
    user: str = "x-access-token"
    """Whom the token belongs to; GitHub takes any name."""
    token: str | None = field(default=None, repr=False)
    """Sent as HTTP's basic authentication, by git's environment and not by its arguments."""
    ssh_command: str = "ssh"
    """OpenSSH, perhaps with options such as `-i <deploy key>`."""

    @property
    def ref(self) -> str:
        """The branch's full name."""
        return f"refs/heads/{self.branch}"

    @property
    def digest(self) -> str:
        """Names what belongs to this remote, whatever the branch and the token."""
        return hashlib.sha256(self.url.encode()).hexdigest()[:16]

    def variables(self, seconds: float) -> dict[str, str]:
        """Environment with which git reaches the remote; a connection that is silent for longer than `seconds` ends."""
        whole = str(int(seconds) + 2)
        options = f"-o BatchMode=yes -o ConnectTimeout={whole} -o ServerAliveInterval=5 -o ServerAliveCountMax=2"
        entries = [("http.lowSpeedLimit", "1"), ("http.lowSpeedTime", whole)]
        if self.token:
            proof = base64.b64encode(f"{self.user}:{self.token}".encode()).decode()
            entries.append((f"http.{self.url}.extraHeader", f"Authorization: Basic {proof}"))
        return {
            "GIT_SSH_COMMAND": f"{self.ssh_command} {options}",
            "GIT_SSH_VARIANT": "ssh",
            **_configured(entries),
        }

    def without_secrets(self, text: str) -> str:
        """`text` as it may be shown."""
        if self.token and len(self.token) >= _SHORTEST_SECRET:
            text = text.replace(self.token, "***")
        return re.sub(r"://[^\s/@:]{1,200}:[^\s/@]{1,500}@", "://***@", text)


def remote_from(
    url: str, branch: str, *, user: str | None = None, token: str | None = None, ssh_command: str = "ssh"
) -> Remote:
    """The branch `branch` of the remote at `url`: https, http, ssh (`git@host:path` too), git, file, or a local path.

    A user and password inside the address are taken out of it.

    Raises:
        InvalidRemoteError: the address or the name of the branch is none.
    """
    if _BAD_BRANCH.search(branch):
        raise InvalidRemoteError(f"{branch!r} is no name of a branch: write it as git does, for example `release`.")
    if re.search(r"[\x00-\x20\x7f]" if "://" in url else r"[\x00-\x1f\x7f]", url):
        raise InvalidRemoteError("The remote's address contains blanks or control characters: take them out.")
    parts = urlsplit(url) if "://" in url else None
    if parts is not None and parts.scheme in _SCHEMES:
        if parts.scheme in ("http", "https") and "@" in parts.netloc:
            given, _, host = parts.netloc.rpartition("@")
            given_user, _, password = given.partition(":")
            user, token = user or unquote(given_user), token or unquote(password) or None
            url = urlunsplit(parts._replace(netloc=host))
    elif parts is None and not url.startswith("-") and _SSH_LIKE.match(url):
        pass
    elif parts is None and Path(url).expanduser().is_absolute():
        url = str(Path(url).expanduser())
    else:
        shown = re.sub(r"//[^/@]*@", "//***@", url)
        raise InvalidRemoteError(
            f"{shown!r} is no address of a git remote: write https://host/path, ssh://user@host/path, "
            "git@host:path, git://host/path, file:///path or an absolute path."
        )
    return Remote(url, branch, user or Remote.user, token or None, ssh_command)


def _configured(entries: list[tuple[str, str]]) -> dict[str, str]:
    """Git configuration as environment variables, after what the environment already configures so."""
    first = int(os.environ.get("GIT_CONFIG_COUNT") or 0)
    made = {"GIT_CONFIG_COUNT": str(first + len(entries))}
    for number, (key, value) in enumerate(entries, start=first):
        made |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return made
