"""What a task sees of the machine: its own mount namespace, where the kernel enforces the grants.

`/dbfs`, `/Volumes` and `/Workspace` appear there, and `/local_disk0`, the driver's own disk: here memory that the task
has to itself. Hidden folders are empty; tables that the task's principal may only read are on a read-only mount, and
those that it may not read are absent. No root is needed, only unprivileged user namespaces. A second namespace within
the first locks the mounts: not even root can undo them.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
from pathlib import Path
from typing import Any

_NEWNS, _NEWUSER = 0x00020000, 0x10000000
_RDONLY, _NOSUID, _NODEV, _NOEXEC, _REMOUNT, _NOATIME = 1, 2, 4, 8, 32, 1024
_NODIRATIME, _BIND, _REC, _PRIVATE, _RELATIME = 2048, 4096, 16384, 1 << 18, 1 << 21
_DETACH = 2
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_SET_DEATH_SIGNAL = 1
_LOCAL_DISK = "/local_disk0"

_libc = ctypes.CDLL(None, use_errno=True)


def supported() -> bool:
    """Whether a process here may have a mount namespace of its own (tried in a child)."""
    if platform.system() != "Linux" or platform.machine() not in _PIVOT_ROOT:
        return False
    pid = os.fork()
    if pid == 0:
        try:
            _own_namespaces()
            _mount(None, "/", None, _REC | _PRIVATE)
            _mount("tmpfs", "/tmp", "tmpfs", 0)
            os._exit(0)
        except BaseException:
            os._exit(1)
    return os.waitpid(pid, 0)[1] == 0


def enter(plan: dict[str, Any]) -> None:
    """Move this (single-threaded) process into the view that the plan describes.

    `plan["hidden"]`: folders to cover; `plan["views"]`: triples of source, target and `ro` or `rw`, outer ones first;
    `plan["covered"]`: folders within the views to cover.
    """
    here = Path.cwd()
    _own_namespaces()
    _mount(None, "/", None, _REC | _PRIVATE)
    _mount("tmpfs", "/tmp", "tmpfs", _NOSUID | _NODEV)
    new, old = Path("/tmp/new"), Path("/tmp/old")
    new.mkdir()
    old.mkdir()
    _pivot("/tmp", "/tmp/old")
    new, old = Path("/new"), Path("/old")
    _mount(str(new), str(new), None, _BIND)
    for entry in sorted(old.iterdir()):
        _show(entry, new / entry.name)
    for folder in plan["hidden"]:
        _cover(_within(new, folder))
    for source, target, mode in plan["views"]:
        _view(_within(old, source), _within(new, target), mode)
    for folder in plan["covered"]:
        _cover(_within(new, folder))
    local_disk = _within(new, _LOCAL_DISK)
    local_disk.mkdir(exist_ok=True)
    _cover(local_disk)
    os.chdir(new)
    _pivot(".", ".")
    if _libc.umount2(b".", _DETACH) != 0:
        raise _failure("umount", "/")
    os.chdir("/")
    _own_namespaces()
    os.chdir(here)


def die_with_parent(signal_number: int) -> None:
    """Have the kernel end this process when its parent ends."""
    _libc.prctl(_SET_DEATH_SIGNAL, signal_number, 0, 0, 0)


def _own_namespaces() -> None:
    user, group = os.geteuid(), os.getegid()
    if user == 0:
        _own_namespaces_of_root()
        return
    _unshare()
    process = Path("/proc/self")
    (process / "setgroups").write_text("deny")
    (process / "uid_map").write_text(f"{user} {user} 1")
    (process / "gid_map").write_text(f"{group} {group} 1")


def _own_namespaces_of_root() -> None:
    # All ids stay, so that root still reaches the files of other users. Only a process outside may map them.
    count = Path("/proc/self/uid_map").read_text().split()[2]
    go_read, go_write = os.pipe()
    myself = os.getpid()
    helper = os.fork()
    if helper == 0:
        os.close(go_write)
        mapped = 1
        with contextlib.suppress(OSError):
            os.read(go_read, 1)
            for name in ("uid_map", "gid_map"):
                Path(f"/proc/{myself}/{name}").write_text(f"0 0 {count}")
            mapped = 0
        os._exit(mapped)
    os.close(go_read)
    try:
        _unshare()
        os.write(go_write, b"1")
    finally:
        os.close(go_write)
        _, status = os.waitpid(helper, 0)
    if status != 0:
        raise OSError("the ids of the user namespace could not be mapped")


def _unshare() -> None:
    if _libc.unshare(_NEWUSER | _NEWNS) != 0:
        raise _failure("unshare", "user and mount namespace")


def _show(source: Path, target: Path) -> None:
    if source.is_symlink():
        target.symlink_to(source.readlink())
        return
    if source.is_dir():
        target.mkdir()
    else:
        target.touch()
    _mount(str(source), str(target), None, _BIND | _REC)


def _cover(folder: Path) -> None:
    if folder.is_dir():
        _mount("tmpfs", str(folder), "tmpfs", _NOSUID | _NODEV)


def _view(source: Path, target: Path, mode: str) -> None:
    if not source.is_dir():
        return
    target.mkdir(parents=True, exist_ok=True)
    _mount(str(source), str(target), None, _BIND)
    if mode == "ro":
        flags = os.statvfs(target).f_flag
        kept = flags & (_NOSUID | _NODEV | _NOEXEC)
        kept |= _NOATIME if flags & os.ST_NOATIME else 0
        kept |= _NODIRATIME if flags & os.ST_NODIRATIME else 0
        kept |= _RELATIME if flags & os.ST_RELATIME else 0
        _mount(None, str(target), None, _BIND | _REMOUNT | _RDONLY | kept)


def _within(root: Path, path: str) -> Path:
    return root / str(path).lstrip("/")


def _mount(source: str | None, target: str, kind: str | None, flags: int) -> None:
    encoded = [None if text is None else text.encode() for text in (source, target, kind)]
    if _libc.mount(encoded[0], encoded[1], encoded[2], ctypes.c_ulong(flags), None) != 0:
        raise _failure("mount", target)


def _pivot(new_root: str, put_old: str) -> None:
    number = _PIVOT_ROOT[platform.machine()]
    if _libc.syscall(number, new_root.encode(), put_old.encode()) != 0:
        raise _failure("pivot_root", new_root)


def _failure(action: str, what: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"{action} of {what}: {os.strerror(number)}")
