"""Running git: never a question to a person, never longer than it may, never left behind."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, BinaryIO, cast

from pipelines.releases.git.problem import GitProblemError, Problem

# Variables of git that say how to reach remotes; all others could point it at another repository.
_KEPT = ("GIT_SSL_", "GIT_HTTP_", "GIT_CONFIG_COUNT", "GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_")
_KEPT_WHOLE = ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM")
_ALWAYS = {
    "GIT_TERMINAL_PROMPT": "0",
    "GCM_INTERACTIVE": "never",
    "SSH_ASKPASS_REQUIRE": "never",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh",
    "LC_ALL": "C",  # failures are told apart by git's own words
}
_OPTIONS = (
    *("-c", "core.askPass="),
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "core.fsmonitor=false"),
    *("-c", "gc.auto=0"),
    *("-c", "maintenance.auto=false"),
)
# The shell's standard input is a pipe that only this process holds. When this process dies, however it does, the pipe
# ends and the guard kills git and all it started, so that no orphan goes on writing and locks that it inherited end.
# The guard itself is killed, not asked to end: Dagster's code servers ignore SIGTERM, and their children inherit that.
_GUARDED = """exec 3<&0 </dev/null
(read -r _ <&3; kill -KILL 0) >/dev/null 2>&1 &
guard=$!
git "$@" 3<&-
status=$?
kill -KILL "$guard" 2>/dev/null
wait "$guard" 2>/dev/null
exit "$status"
"""
_POLL_SECONDS = 0.1
_NO_SUCH_COMMAND = 127
_MOST_ERROR_BYTES = 1 << 20
"""Of what git writes to standard error the end is kept, for a remote may write as much as it likes."""


@dataclass(frozen=True)
class Done:
    """How a git command ended."""

    status: int
    stdout: bytes
    stderr: str


class GitTimeoutError(Exception):
    """Git did not end within its time and was killed with all that it had started."""


class GitStoppedError(Exception):
    """The watcher of a git command wanted it to end; it was killed."""


def run_git(
    arguments: Sequence[str],
    seconds: float,
    *,
    guarded: bool = False,
    variables: Mapping[str, str] | None = None,
    given: bytes | None = None,
    into: BinaryIO | None = None,
    inherited: Sequence[int] = (),
    unless: Callable[[], bool] | None = None,
) -> Done:
    """Run one git command in a process group of its own.

    Args:
        arguments: After `git` and the options that every command gets.
        seconds: Limit on the time it takes.
        guarded: Whether it must not outlive this process, for what talks to remotes or writes.
        variables: Added to its environment.
        given: Its standard input; not for guarded ones.
        into: Where its output goes instead of into the result.
        inherited: File descriptors that it keeps open, such as that of a lock.
        unless: Asked ten times a second; when true, the command is stopped.

    Raises:
        GitTimeoutError: the time is over.
        GitStoppedError: `unless` said so.
        GitProblemError: git is not installed.
    """
    assert not (guarded and given is not None)
    command = ["sh", "-c", _GUARDED, "git"] if guarded else ["git"]
    ends = time.monotonic() + seconds
    with contextlib.ExitStack() as opened:
        source: IO[bytes] | int = subprocess.PIPE if guarded else subprocess.DEVNULL
        if given is not None:
            source = opened.enter_context(tempfile.TemporaryFile())
            source.write(given)
            source.seek(0)
        process = _started([*command, *_OPTIONS, *arguments], variables or {}, source, into, inherited)
        if process.stdin is not None:
            opened.callback(process.stdin.close)  # git would end with it, so it is closed last
        try:
            stdout, stderr = _collect(process, ends, unless)
        except BaseException as error:
            _kill(process)
            if isinstance(error, TimeoutError):
                raise GitTimeoutError(f"git did not end within {seconds:g} s and was stopped.") from None
            raise
    words = stderr.decode(errors="replace").strip()
    if process.returncode == _NO_SUCH_COMMAND and guarded and "git" in words:
        raise GitProblemError(_not_installed())
    return Done(process.returncode, stdout, words)


def _started(
    command: Sequence[str],
    variables: Mapping[str, str],
    source: IO[bytes] | int,
    into: BinaryIO | None,
    inherited: Sequence[int],
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command,
            stdin=source,
            stdout=into or subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            cwd="/",
            env=_environment(variables),
            start_new_session=True,
            pass_fds=tuple(inherited),
        )
    except FileNotFoundError:
        raise GitProblemError(_not_installed()) from None


def _collect(process: subprocess.Popen[bytes], ends: float, unless: Callable[[], bool] | None) -> tuple[bytes, bytes]:
    """Output and error of a process until it ends.

    Not `communicate`, which with a time limit sleeps up to milliseconds after the end of a process: git's own time.
    """
    read = {stream: bytearray() for stream in (process.stdout, process.stderr) if stream is not None}
    with selectors.DefaultSelector() as selector:
        for stream in read:
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map():
            for key, _ in selector.select(min(_left(ends), _POLL_SECONDS) if unless else _left(ends)):
                stream = cast(IO[bytes], key.fileobj)
                if data := os.read(key.fd, 1 << 16):
                    read[stream] += data
                    if stream is process.stderr and len(read[stream]) > 2 * _MOST_ERROR_BYTES:
                        del read[stream][:-_MOST_ERROR_BYTES]
                else:
                    selector.unregister(stream)
                    stream.close()
            if unless and unless():
                raise GitStoppedError
    pause = 0.0001
    while process.poll() is None:
        time.sleep(min(pause, _left(ends)))
        pause = min(2 * pause, 0.02)
    assert process.stderr is not None
    return bytes(read[process.stdout]) if process.stdout else b"", bytes(read[process.stderr])


def _left(ends: float) -> float:
    left = ends - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.returncode is None:
        # Not yet waited for, so the number still belongs to this process group.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if _harmless(name)}
    return {**inherited, **_ALWAYS, **variables}


def _harmless(name: str) -> bool:
    if name.startswith("GIT_"):
        return name.startswith(_KEPT) or name in _KEPT_WHOLE
    return name not in ("SSH_ASKPASS", "DISPLAY")


def _not_installed() -> Problem:
    return Problem("git", "git is not installed on this machine.", "Install git 2.34 or newer and put it on PATH.")
