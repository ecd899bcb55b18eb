"""The helper's side of `pipelines.engines.processes`: it waits for requests, and forks workers that share their parts.

It has one thread for all its life, so that a fork of it is sound, and it ends when its socket is closed, which the
death of the process that it helps does. Its workers die with it.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import pickle
import signal
import struct
import sys
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from typing import Any, NoReturn

Answer = tuple[list[Any] | None, str | None]
"""One result per part, or what went wrong."""

_SET_DEATH_SIGNAL = 1
_ALLOCATOR = {-3: 32 << 20, -1: 1 << 30, -2: 16 << 20}
"""Of GNU's C library: above what size memory is mapped by itself (32 MiB is the most), how much unused memory goes
back to the kernel, how much is asked for at once."""

_libc = ctypes.CDLL(None)
_TICKET = struct.Struct("i")


def serve(descriptor: int) -> NoReturn:
    """Answer the requests that come over that socket until it is closed, then end this process."""
    # Handlers of the process that is helped are not for here. An interrupt goes to a whole terminal: that one decides.
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.freeze()  # workers that look through what was there before them would copy its memory
    client = Connection(descriptor)
    with contextlib.suppress(EOFError, OSError):
        while True:
            request = client.recv_bytes()
            ended: list[int] = []
            try:
                environment, function, parts = pickle.loads(request)
                os.environ.clear()
                os.environ.update(environment)
                answer = _answer(client, function, parts, ended)
            except EOFError:
                raise
            except Exception:
                answer = None, traceback.format_exc()
            client.send(answer)
            for pid in ended:
                os.waitpid(pid, 0)
    os._exit(0)


def _answer(client: Connection, function: Callable[[Any], Any], parts: list[Any], ended: list[int]) -> Answer:
    """Have the parts done; `ended` takes the workers that have said all, and still give back their memory."""
    results: dict[int, Any] = {}
    workers: dict[Connection, int] = {}
    tickets = _tickets(len(parts))
    try:
        for _ in range(min(len(parts), len(os.sched_getaffinity(0)))):
            connection, pid = _fork_worker(function, parts, tickets, client)
            workers[connection] = pid
        while workers:
            for ready in wait([client, *workers]):
                if ready is client:  # nothing is said before the answer: its other end has gone
                    raise EOFError
                assert isinstance(ready, Connection)
                found, failure = _last_words(ready, workers.pop(ready), ended)
                if failure is not None:
                    return None, failure
                results |= found
    finally:
        os.close(tickets)
        for connection, pid in workers.items():
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            connection.close()
    return [results[number] for number in range(len(parts))], None


def _tickets(count: int) -> int:
    """A pipe that holds the numbers of the parts: whoever reads one has that part to do. A pipe needs no lock."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)  # more parts than a pipe holds are an error, not a wait
    try:
        os.write(writing, b"".join(_TICKET.pack(number) for number in range(count)))
    finally:
        os.close(writing)
    return reading


def _fork_worker(
    function: Callable[[Any], Any], parts: list[Any], tickets: int, client: Connection
) -> tuple[Connection, int]:
    receiving, sending = os.pipe()
    helper = os.getpid()
    pid = os.fork()
    if pid == 0:
        try:
            _libc.prctl(_SET_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
            if os.getppid() != helper:
                os._exit(1)
            client.close()
            os.close(receiving)
            _leave_cores_to_others()
            _keep_freed_memory()
            Connection(sending, readable=False).send_bytes(_work(function, parts, tickets))
            os._exit(0)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    os.close(sending)
    return Connection(receiving, writable=False), pid


def _leave_cores_to_others() -> None:
    """Do without threads in polars: there is a worker for each core, so they would only compete and wait."""
    setting = {"POLARS_MAX_THREADS": "1"}
    os.environ.update(setting)
    if polars := sys.modules.get("polars"):  # which has looked at its environment when it was imported
        polars.Config.load(json.dumps({"environment": setting}))


def _keep_freed_memory() -> None:
    """Let this process keep what it frees for its next file, which else gets new, zeroed pages from the kernel."""
    with contextlib.suppress(AttributeError):  # not GNU's C library
        for option, size in _ALLOCATOR.items():
            _libc.mallopt(option, size)
        os.environ["ARROW_DEFAULT_MEMORY_POOL"] = "system"
        if pyarrow := sys.modules.get("pyarrow"):  # whose own allocator gives its pages back, too
            pyarrow.set_memory_pool(pyarrow.system_memory_pool())


def _work(function: Callable[[Any], Any], parts: list[Any], tickets: int) -> bytes:
    """All that a worker does; pickled, its results by number of the part and what went wrong."""
    results = {}
    try:
        while ticket := os.read(tickets, _TICKET.size):
            (number,) = _TICKET.unpack(ticket)
            results[number] = function(parts[number])
        return pickle.dumps((results, None))
    except Exception:
        return pickle.dumps(({}, traceback.format_exc()))


def _last_words(worker: Connection, pid: int, ended: list[int]) -> tuple[dict[int, Any], str | None]:
    """What a worker has to say at its end, or of how it ended if it says nothing."""
    said: tuple[dict[int, Any], str | None] | None = None
    with contextlib.suppress(EOFError):
        said = worker.recv()
    worker.close()
    if said is not None:
        ended.append(pid)
        return said
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    how = f"by signal {-code}" if code < 0 else f"with code {code}"
    return {}, f"A worker process ended {how} in the middle of its work."
