"""The answer to a request: written over what is not final, and never over what is."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from pipelines.customers.folder_files import FolderFiles
from pipelines.customers.status import Status, new_status, status_of, tell


@pytest.fixture
def files(tmp_path: Path) -> FolderFiles:
    (tmp_path / "inbox").mkdir()
    return FolderFiles(tmp_path)


def test_states_follow_each_other_until_the_final_one(files: FolderFiles):
    for state in ("accepted", "running", "accepted", "done"):
        assert tell(files, new_status("r.json", "digest", state)).state == state
    assert tell(files, new_status("r.json", "digest", "failed", why="too late")).state == "done"
    assert tell(files, new_status("r.json", "digest", "running")).state == "done"
    kept, _ = status_of(files, "r.json")
    assert kept is not None
    assert (kept.state, kept.why) == ("done", None)


def test_another_request_under_the_same_name_has_its_own_answer(files: FolderFiles):
    tell(files, new_status("r.json", "first", "done"))
    assert tell(files, new_status("r.json", "second", "accepted")).state == "accepted"


def test_of_two_that_end_a_request_at_once_one_does(files: FolderFiles):
    told: list[Status] = []
    statuses = [new_status("r.json", "digest", "failed", why=f"writer {number}") for number in range(8)]
    tell(files, new_status("r.json", "digest", "running"))
    writers = [threading.Thread(target=lambda one=one: told.append(tell(files, one))) for one in statuses]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(told) == 8
    assert len({one.why for one in told}) == 1, "all of them know the one answer"


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'{"state": "done"}', b"\xff", b'{"state": "won"}'])
def test_what_is_no_status_is_replaced(files: FolderFiles, content: bytes):
    (files.root / "inbox" / "r.status.json").write_bytes(content)
    assert status_of(files, "r.json")[0] is None
    assert tell(files, new_status("r.json", "digest", "accepted")).state == "accepted"


def test_the_file_says_only_what_there_is_to_say(files: FolderFiles):
    tell(files, new_status("r.json", "digest", "failed", why="Nobody knows."))
    text = (files.root / "inbox" / "r.status.json").read_text()
    assert '"why": "Nobody knows."' in text
    assert "null" not in text
    assert "tables" not in text
