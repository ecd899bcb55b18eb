"""Telling GitHub how a commit fares, as a status beside it. Never a reason for anything else to fail."""

from __future__ import annotations

import http.client
import json
import re
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

State = Literal["pending", "success", "failure", "error"]

PUBLIC_API = "https://api.github.com"
_LONGEST_DESCRIPTION = 140
"""GitHub's limit, in characters."""
_REPOSITORY = re.compile(r"[:/]([A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+?)(\.git)?/?$")
_REMEDIES = {
    401: "Renew the token: it is wrong or has expired.",
    403: "Give the token the right to write commit statuses, or wait if its limit of requests is used up.",
    404: "Check the repository's name, and that the token may write its commit statuses.",
    422: "GitHub does not know the commit (yet), or it has 1000 statuses of this name already.",
}


@dataclass(frozen=True)
class StatusTarget:
    """Where statuses go."""

    repository: str
    """`owner/name`."""
    token: str = field(repr=False)
    context: str
    """What the status is called, for example `release/production`."""
    api: str = PUBLIC_API
    """On GitHub Enterprise `https://<host>/api/v3`."""


@dataclass(frozen=True)
class Posted:
    """GitHub shows the status."""


@dataclass(frozen=True)
class NotPosted:
    """GitHub does not show the status."""

    why: str
    """A sentence or two for a person, with the remedy."""
    try_again: bool
    """Whether the same may succeed later."""


def repository_name(url: str) -> str | None:
    """`owner/name` of a remote's address on GitHub; None for a folder."""
    if url.startswith(("/", "file:")):
        return None
    found = _REPOSITORY.search(url)
    return found[1] if found else None


def post_status(
    target: StatusTarget, commit: str, state: State, description: str, link: str | None, seconds: float = 5.0
) -> Posted | NotPosted:
    """Set the status of a commit, within `seconds`.

    Args:
        target: Where, and as whom.
        commit: Its whole id.
        state: `pending` while the release goes on; `failure` if a gate or the commit is the reason, `error` if not.
        description: A sentence; cut to what GitHub takes.
        link: Where to read more; only http and https, others are left out.
    """
    outcome: list[Posted | NotPosted] = []

    def send() -> None:
        outcome.append(_post(target, commit, state, description, link, seconds))

    # The time limit of a socket starts anew with every byte, so a server that drips could hold us for ever.
    sender = threading.Thread(target=send, name="commit-status", daemon=True)
    sender.start()
    sender.join(seconds)
    return outcome[0] if outcome else NotPosted(f"{_host(target)} did not answer within {seconds:g} s.", True)


def _post(
    target: StatusTarget, commit: str, state: State, description: str, link: str | None, seconds: float
) -> Posted | NotPosted:
    body = {"state": state, "context": target.context, "description": _cut(description)}
    if link and link.startswith(("https://", "http://")):
        body["target_url"] = link
    try:
        request = urllib.request.Request(
            f"{target.api.rstrip('/')}/repos/{target.repository}/statuses/{commit}",
            data=json.dumps(body).encode(),
            method="POST",
            headers={
                "Authorization": f"Bearer {target.token}",
                "Accept": "application/vnd.github+json",
                "Content-Type": "application/json",
                "User-Agent": "pipelines",
                "X-GitHub-Api-Version": "2022-11-28",
            },
        )
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=seconds) as answer:
            if answer.status == http.client.CREATED:
                return Posted()
            return NotPosted(f"{_host(target)} answered {answer.status} where it should create a status.", False)
    except urllib.error.HTTPError as error:
        with error:
            return _refused(target, error)
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        return NotPosted(f"{_host(target)} cannot be reached: {reason}.", True)
    except ValueError as error:  # an address or a token that cannot be sent
        return NotPosted(
            f"The settings of the commit status cannot be used: {type(error).__name__}. Correct them.", False
        )


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows none: the token is for one host only."""

    def redirect_request(self, *_: object, **__: object) -> None:
        return None


def _refused(target: StatusTarget, error: urllib.error.HTTPError) -> NotPosted:
    try:
        said = str(json.loads(error.read(4096)).get("message", ""))[:200]
    except (OSError, ValueError, AttributeError, http.client.HTTPException):
        said = ""
    limited = error.code == 429 or (error.code == 403 and error.headers.get("X-RateLimit-Remaining") == "0")
    why = f"{_host(target)} answered {error.code} for {target.repository}{f' ({said})' if said else ''}."
    if 300 <= error.code < 400:
        return NotPosted(f"{why} The repository has moved: correct its name in the settings.", False)
    return NotPosted(f"{why} {_REMEDIES.get(error.code, '')}".strip(), limited or error.code >= 500)


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_DESCRIPTION else f"{line[: _LONGEST_DESCRIPTION - 3]}..."


def _host(target: StatusTarget) -> str:
    return urlsplit(target.api).netloc or target.api
