"""Uploads in a folder, which may be a mounted volume."""

from __future__ import annotations

import filecmp
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

from pipelines.landing.uploads import FileChangedError, LandedFile, Page, is_unfinished


class FolderUploads:
    """The files below a folder, an absent one being empty; see `Uploads` for what each method promises.

    Left out are symbolic links, which could lead out of the day's folder, unless they lead to a file within it.
    """

    pages_per_tick = 2_000
    """A page is a whole day here, and takes a fraction of a millisecond plus some ten microseconds per file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def entries(self) -> list[str]:
        try:
            with os.scandir(self.folder) as entries:
                return sorted(entry.name for entry in entries if not entry.name.startswith("."))
        except FileNotFoundError:
            return []

    def pages(self, entry: str, after: str | None = None) -> Iterator[Page]:  # noqa: ARG002 (a day is one page)
        root = self.folder / entry
        found = [_landed(path, each) for path, each in _files_below(str(root), entry, os.path.realpath(root))]
        yield Page(sorted(found, key=lambda file: file.file_path), None)

    def files(self) -> Iterator[LandedFile]:
        for entry in self.entries():
            path = self.folder / entry
            if path.is_dir():
                for page in self.pages(entry):
                    yield from page.files
            elif not is_unfinished(entry):
                yield _listed(path.stat(), entry, str(path))

    def read(self, file: LandedFile) -> bytes:
        with Path(file.address).open("rb") as stream:
            if file_version(os.fstat(stream.fileno())) != file.file_version:
                raise FileChangedError(file.file_path)
            content = stream.read()
            if file_version(os.fstat(stream.fileno())) != file.file_version or len(content) != file.size_bytes:
                raise FileChangedError(file.file_path)
        return content

    def holds(self, file: LandedFile, source: Path) -> bool:
        try:
            return filecmp.cmp(source, file.address, shallow=False)
        except FileNotFoundError:
            if source.exists():
                return False
            raise

    def add(self, source: Path, file_path: str) -> LandedFile | None:
        target = self.folder / file_path
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_name(f".{target.name}.{uuid4().hex[:8]}.part")
        try:
            with source.open("rb") as reader, unfinished.open("xb") as writer:
                shutil.copyfileobj(reader, writer, 1 << 20)
                writer.flush()
                os.fsync(writer.fileno())
            if not _moved(unfinished, target):
                return None
        finally:
            unfinished.unlink(missing_ok=True)
        return _listed(target.stat(), file_path, str(target))


def _moved(unfinished: Path, target: Path) -> bool:
    try:
        os.link(unfinished, target)  # unlike a rename, this never replaces a file
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links
        if target.exists():
            return False
        unfinished.replace(target)
    return True


def _landed(path: str, entry: os.DirEntry[str]) -> LandedFile:
    return _listed(entry.stat(), path, entry.path)


def _listed(status: os.stat_result, path: str, address: str) -> LandedFile:
    if not path.isascii():  # it may hold surrogate escapes, which no table could
        path = os.fsencode(path).decode("utf-8", "backslashreplace")
    return LandedFile(path, file_version(status), status.st_size, address)


def file_version(status: os.stat_result) -> str:
    """The version of a file in a folder, another one whenever it is written."""
    return f"{status.st_mtime_ns}-{status.st_size}"


def _files_below(folder: str, path: str, real_root: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """The files below a folder, each with its path below the kind's folder."""
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return
    for entry in entries:
        name = entry.name
        if is_unfinished(name):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _files_below(entry.path, f"{path}/{name}", real_root)
        elif entry.is_file() and (
            not entry.is_symlink() or os.path.realpath(entry.path).startswith(real_root + os.sep)
        ):
            yield f"{path}/{name}", entry
