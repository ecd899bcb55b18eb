"""Files in the staging volume: uploaded and read back, code once per digest, a step's own files until it has ended."""

from __future__ import annotations

import hashlib
import io
import logging
import time
from dataclasses import dataclass, field
from threading import Lock

from pipelines.databricks.failures import DatabricksLaunchError, StagingFailedError
from pipelines.databricks.locks import machine_lock
from pipelines.databricks.rest import Api

_TRIES = 5
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Staged:
    """A file in the staging volume and what it has to be."""

    path: str
    digest: str


@dataclass
class Staging:
    """The staging folder of a target."""

    api: Api
    root: str
    _known: set[str] = field(default_factory=set)
    _lock: Lock = field(default_factory=Lock)

    def code(self, archive: bytes, digest: str) -> Staged:
        """Stage a code archive, unless it is there already.

        Raises:
            StagingFailedError: it does not arrive whole.
        """
        return self._once(self._code_path(digest), archive, digest, trusted=True)

    def bytecode(self, compiled: bytes, digest: str, code_digest: str) -> Staged:
        """Stage a code archive's bytecode, unless it is there already.

        Raises:
            StagingFailedError: it does not arrive whole.
        """
        return self._once(self._bytecode_path(digest, code_digest), compiled, digest, trusted=True)

    def program(self, source: bytes) -> Staged:
        """Stage the program of the tasks, unless it is there already; what is there is read, because it runs first.

        Raises:
            StagingFailedError: it does not arrive whole.
        """
        digest = hashlib.sha256(source).hexdigest()
        return self._once(f"{self.root}/programs/{digest}.py", source, digest, trusted=False)

    def payload(self, token: str, document: bytes) -> Staged:
        """Stage what one submission is to do; named by its digest, so that it never replaces another one.

        Raises:
            StagingFailedError: it does not arrive whole.
        """
        digest = hashlib.sha256(document).hexdigest()
        path = f"{self.step_folder(token)}/payload-{digest[:16]}.json"
        self._put(path, document)
        return Staged(path, digest)

    def replace_code(self, archive: bytes, digest: str, bytecode: bytes, bytecode_digest: str) -> None:
        """Upload a code archive and its bytecode again, where what is there is not it: a task said so.

        Raises:
            StagingFailedError: it does not arrive whole.
        """
        wanted = {self._code_path(digest): archive, self._bytecode_path(bytecode_digest, digest): bytecode}
        with self._lock:
            self._known.clear()
            for path, data in wanted.items():
                if self.read(path) != data:
                    self._put(path, data)

    def _code_path(self, digest: str) -> str:
        return f"{self.root}/code/{digest}.zip"

    def _bytecode_path(self, digest: str, code_digest: str) -> str:
        # The same code compiled elsewhere need not give the same bytes.
        return f"{self.root}/bytecode/{code_digest}.{digest[:16]}.zip"

    def step_folder(self, token: str) -> str:
        """Folder of one submission's files."""
        return f"{self.root}/steps/{token}"

    def events_folder(self, token: str) -> str:
        """Folder in which the task writes its segments."""
        return f"{self.step_folder(token)}/events"

    def read(self, path: str) -> bytes | None:
        """A file's bytes, or None if there is none.

        Raises:
            UnreachableError, RefusedError: see `Api.call`.
        """
        from databricks.sdk.errors import NotFound

        def download() -> bytes:
            contents = self.api.client.files.download(path).contents
            assert contents is not None
            with contents:
                return contents.read()

        try:
            return self.api.call(f"read {path}", download, otherwise=(NotFound,))
        except NotFound:
            return None

    def clean(self, token: str) -> None:
        """Remove one submission's files. What cannot be removed stays, and is no reason for a step to fail."""
        try:
            for folder in (self.events_folder(token), self.step_folder(token)):
                self._remove_folder(folder)
        except (DatabricksLaunchError, OSError) as error:
            _log.info("Files of submission %s stay in the staging volume: %s", token, error)

    def _remove_folder(self, folder: str) -> None:
        from databricks.sdk.errors import NotFound

        files = self.api.client.files

        def paths() -> list[str]:
            return [str(entry.path) for entry in files.list_directory_contents(folder) if not entry.is_directory]

        try:
            found = self.api.call(f"list {folder}", paths, otherwise=(NotFound,))
            for path in found:
                self.api.call(f"remove {path}", lambda path=path: files.delete(path), otherwise=(NotFound,))
            self.api.call(f"remove {folder}", lambda: files.delete_directory(folder), otherwise=(NotFound,))
        except NotFound:
            return

    def _once(self, path: str, data: bytes, digest: str, trusted: bool) -> Staged:
        """Upload what is not there yet; `trusted`: the same size is enough, because the task looks at the digest."""
        with self._lock:
            if path not in self._known:
                # Many steps begin at once in as many processes; the first one uploads.
                with machine_lock(f"stage {self.api.host}{path}"):
                    there = self._size(path) == len(data) if trusted else self.read(path) == data
                    if not there:
                        self._put(path, data)
                self._known.add(path)
        return Staged(path, digest)

    def _size(self, path: str) -> int | None:
        from databricks.sdk.errors import NotFound

        try:
            found = self.api.call(
                f"look for {path}", lambda: self.api.client.files.get_metadata(path), otherwise=(NotFound,)
            )
        except NotFound:
            return None
        return found.content_length

    def _put(self, path: str, data: bytes) -> None:
        """Upload and read back, until what is there is what was sent: an acknowledged upload may still be lost."""
        found: bytes | None = None
        for left in reversed(range(_TRIES)):
            self.api.call(f"write {path}", lambda: self.api.client.files.upload(path, io.BytesIO(data), overwrite=True))
            found = self.read(path)
            if found == data:
                return
            if left:
                time.sleep(0.2)
        words = "is not there" if found is None else f"has {len(found)} bytes of another content"
        raise StagingFailedError(
            f"{path} was uploaded {_TRIES} times to Databricks target {self.api.target!r}, each time acknowledged, and "
            f"{words}; {len(data)} bytes were sent. Look at the volume's storage."
        )
