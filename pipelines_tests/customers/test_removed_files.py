"""A customer's files go for good, although somebody answers requests in that moment."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path

from pipelines.customers.archive_files import remove_below
from pipelines.customers.folder_files import FolderFiles


def _answering(root: Path, stopped: threading.Event) -> None:
    """As the sensor does: whatever request has no status gets one."""
    files = FolderFiles(root)
    while not stopped.is_set():
        for request in sorted((root / "inbox").glob("*.json")):
            status = request.with_suffix(".status.json")
            if ".status" not in request.name and request.exists() and not status.exists():
                with suppress(OSError):  # its folder has gone meanwhile
                    files.replace(f"inbox/{status.name}", b"accepted", None)


def test_no_request_is_taken_for_new_because_its_answer_went_first(tmp_path: Path):
    for number in range(300):
        for folder, name in (
            ("inbox", f"{number}.json"),
            ("inbox", f"{number}.status.json"),
            ("sessions", f"{number}"),
        ):
            (tmp_path / folder).mkdir(exist_ok=True)
            (tmp_path / folder / name).write_text("{}")
    (tmp_path / "loose").write_text("")
    stopped = threading.Event()
    answering = threading.Thread(target=_answering, args=(tmp_path, stopped))
    answering.start()
    try:
        assert remove_below(tmp_path) == 901
    finally:
        stopped.set()
        answering.join()
    # One answer may have been on its way when the last look was taken.
    assert len([file for file in tmp_path.rglob("*") if file.is_file()]) <= 1


def test_there_may_be_nothing_to_remove(tmp_path: Path):
    assert remove_below(tmp_path / "never made") == 0
