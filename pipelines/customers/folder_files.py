"""A customer's files in a folder, which may be a mounted volume."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from pipelines.landing.folder import file_version
from pipelines.landing.uploads import FileChangedError, LandedFile, is_unfinished

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK  # a pipe would wait for its other end
_NO_FILE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EISDIR, errno.ENAMETOOLONG, errno.ENXIO}


@dataclass(frozen=True)
class FolderFiles:
    """The files below `root`; see `CustomerFiles` for what each method promises.

    A path is opened part by part from `root`, so that no link on its way is followed, whenever it was put there.
    """

    root: Path

    def listed(self, folder: str) -> list[LandedFile]:
        if (self.root / folder).is_symlink():
            return []
        return sorted(self._below(self.root / folder, folder), key=lambda file: file.file_path)

    def changed_ns(self, folder: str) -> int | None:
        try:
            return os.lstat(f"{self.root}/{folder}").st_mtime_ns  # asked of a thousand folders at a time
        except FileNotFoundError:
            return 0

    def look(self, path: str) -> LandedFile | None:
        try:
            with self._opened(path) as opened:
                return _landed(os.fstat(opened), path, self.root / path)
        except (OSError, ValueError) as error:
            if isinstance(error, ValueError) or error.errno in _NO_FILE:
                return None
            raise

    def read(self, file: LandedFile) -> bytes:
        with self._opened(file.file_path) as opened:
            if file_version(os.fstat(opened)) != file.file_version:
                raise FileChangedError(file.file_path)
            with os.fdopen(os.dup(opened), "rb") as stream:
                content = stream.read(file.size_bytes + 1)
            if file_version(os.fstat(opened)) != file.file_version or len(content) != file.size_bytes:
                raise FileChangedError(file.file_path)
        return content

    def replace(self, path: str, content: bytes, over: LandedFile | None) -> bool:
        parent, _, name = path.rpartition("/")
        (self.root / parent).mkdir(parents=True, exist_ok=True)
        with self._folder(parent) as folder:
            draft = f".{uuid4().hex}.part"
            try:
                with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666, dir_fd=folder), "wb") as out:
                    out.write(content)
                    out.flush()
                    os.fsync(out.fileno())
                with suppress(OSError):  # volumes of Databricks have no locks
                    fcntl.flock(folder, fcntl.LOCK_EX)
                present = self.look(path)
                if (present and present.file_version) != (over and over.file_version):
                    return False
                os.replace(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
                return True
            finally:
                with suppress(FileNotFoundError):
                    os.unlink(draft, dir_fd=folder)

    def _below(self, folder: Path, path: str) -> Iterator[LandedFile]:
        try:
            entries = list(os.scandir(folder))
        except FileNotFoundError:
            return
        for entry in entries:
            if is_unfinished(entry.name) or not entry.name.isprintable():
                continue
            with suppress(FileNotFoundError):  # gone meanwhile
                if entry.is_dir(follow_symlinks=False):
                    yield from self._below(Path(entry.path), f"{path}/{entry.name}")
                elif entry.is_file(follow_symlinks=False):
                    yield _landed(entry.stat(follow_symlinks=False), f"{path}/{entry.name}", Path(entry.path))

    @contextmanager
    def _folder(self, path: str) -> Iterator[int]:
        at = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for part in path.split("/") if path else ():
                below = os.open(part, _FOLDER, dir_fd=at)
                os.close(at)
                at = below
            yield at
        finally:
            os.close(at)

    @contextmanager
    def _opened(self, path: str) -> Iterator[int]:
        parent, _, name = path.rpartition("/")
        with self._folder(parent) as folder:
            opened = os.open(name, _FILE, dir_fd=folder)
        try:
            if not stat.S_ISREG(os.fstat(opened).st_mode):
                raise IsADirectoryError(errno.EISDIR, "it is no file", path)
            yield opened
        finally:
            os.close(opened)


def _landed(status: os.stat_result, path: str, address: Path) -> LandedFile:
    return LandedFile(path, file_version(status), status.st_size, str(address))
