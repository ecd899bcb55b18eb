"""The program of the published job beside a folder: what it writes, what it reads, and when it gives up."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest

from pipelines.customers.folder_files import FolderFiles
from pipelines.customers.request_program import (
    NoAnswerYetError,
    RequestFailedError,
    RequestRefusedError,
    main,
    request_of,
)
from pipelines.customers.requests import read_request
from pipelines.customers.status import digest_of_request, new_status, tell


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "acme" / "inbox").mkdir(parents=True)
    return tmp_path / "acme"


def _asked(files: Path, *arguments: str) -> str:
    """Ask without waiting; the name of the request."""
    with pytest.raises(NoAnswerYetError):
        main(str(files), 0.0, list(arguments))
    [name] = [each.name for each in (files / "inbox").iterdir() if not each.name.endswith(".status.json")]
    return name


def _answered(files: Path, name: str, state: str, **more: object) -> None:
    content = (files / "inbox" / name).read_bytes()
    tell(FolderFiles(files), new_status(name, digest_of_request(content), state, **more))  # type: ignore[arg-type]


def test_what_it_writes_is_a_request(files: Path) -> None:
    name = _asked(files, "a.csv, 3f2a90c1d4e5b6a7", "monday-1", "77")
    request = read_request(name, (files / "inbox" / name).read_bytes())
    assert request.sessions == ("a.csv", "3f2a90c1d4e5b6a7")
    assert (request.request_id, request.databricks_run) == ("monday-1", 77)


def test_an_inbox_that_is_not_there_is_made(tmp_path: Path) -> None:
    assert _asked(tmp_path, "a.csv", "x").startswith("run-now-")


def test_waiting_has_an_end_and_may_begin_again(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = _asked(files, "a.csv", "monday-1", "1")
    _answered(files, name, "running")
    with pytest.raises(NoAnswerYetError, match=r"is running still.*start the job with the same request_id"):
        main(str(files), 0.0, ["a.csv", "monday-1", "2"])
    _answered(files, name, "done")
    main(str(files), 0.0, ["a.csv", "monday-1", "3"])
    assert '"state": "done"' in capsys.readouterr().out
    assert json.loads((files / "inbox" / name).read_bytes())["databricks_run"] == 1, "the first one asked"


def test_a_failure_is_told_with_its_reason(files: Path) -> None:
    _answered(files, _asked(files, "a.csv", "x"), "failed", why="The file is empty. Send it again.")
    with pytest.raises(RequestFailedError, match="The file is empty"):
        main(str(files), 0.0, ["a.csv", "x"])


def test_an_answer_to_other_contents_is_none(files: Path) -> None:
    name = _asked(files, "a.csv", "x")
    tell(FolderFiles(files), new_status(name, "0" * 64, "done"))
    with pytest.raises(NoAnswerYetError, match="not looked at"):
        main(str(files), 0.0, ["a.csv", "x"])


@pytest.mark.parametrize("answer", ["status", "request"])
def test_no_link_is_followed(files: Path, answer: str) -> None:
    name = _asked(files, "a.csv", "x")
    kept = files.parent / "elsewhere.json"
    if answer == "status":
        digest = digest_of_request((files / "inbox" / name).read_bytes())
        kept.write_bytes(new_status(name, digest, "done").to_json())
        (files / "inbox" / name.replace(".json", ".status.json")).symlink_to(kept)
        with pytest.raises(NoAnswerYetError, match="not looked at"):
            main(str(files), 0.0, ["a.csv", "x"])
    else:
        (files / "inbox" / name).rename(kept)
        (files / "inbox" / name).symlink_to(kept)
        with pytest.raises(RequestRefusedError, match="to another request"):
            main(str(files), 0.0, ["a.csv", "x"])


def test_without_hard_links_as_in_a_volume_of_databricks(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr("os.link", refused)
    name = _asked(files, "a.csv", "x")
    assert _asked(files, "a.csv", "x") == name
    assert [each.name for each in (files / "inbox").iterdir()] == [name], "no draft is left"


def test_without_any_id_each_call_is_a_request(files: Path) -> None:
    for _ in range(2):
        with pytest.raises(NoAnswerYetError):
            main(str(files), 0.0, ["a.csv"])
    assert len(list((files / "inbox").iterdir())) == 2


@pytest.mark.parametrize("run", ["", "-1", "0", "x", "\u0661", "1" * 30, "javascript:alert(1)", "1; DROP TABLE x"])
def test_what_is_no_number_of_a_run_is_left_out(run: str) -> None:
    assert request_of("a.csv", "", run) == {"sessions": ["a.csv"]}


def test_more_than_a_request_may_hold_is_refused() -> None:
    with pytest.raises(RequestRefusedError, match="longer than 1,048,576 bytes"):
        request_of("a" * 2_000_000, "", "")
