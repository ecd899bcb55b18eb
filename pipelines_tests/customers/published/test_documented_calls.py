"""The calls that docs/requests.md shows to the authors of apps, as they stand there."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time

import pytest

from pipelines_tests.customers.published.conftest import Office
from pipelines_tests.local.conftest import PROJECT, wait_for


def _blocks(language: str) -> str:
    text = (PROJECT / "docs" / "requests.md").read_text(encoding="utf-8")
    section = text[text.index("## The published job") : text.index("## The answer")]
    [block] = re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)
    return block


def _session(office: Office) -> None:
    folder = office.zone / "acme" / "sessions" / "2026-03-04"
    folder.mkdir(exist_ok=True)
    if not (folder / "flight.csv").exists():
        (folder / "flight.csv").write_text("a session")


def test_the_call_by_sdk(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    _session(office)
    app = office.apps["acme"].config
    exec(compile(_blocks("python"), "docs/requests.md", "exec"), {"HOST": app.host, "TOKEN": app.token})
    told = capsys.readouterr().out
    assert told.startswith("SUCCESS")
    assert '"request_id": "tuesday-1"' in told
    assert [each for each in office.inbox("acme").values() if "2026-03-04/flight.csv" in each]


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_the_calls_by_curl(office: Office) -> None:
    _session(office)
    app = office.apps["acme"].config
    commands = [f"curl {each}" for each in _blocks("sh").split("curl ")[1:]]

    def call(command: str) -> dict:
        variables = {"HOST": app.host or "", "TOKEN": app.token or "", "PATH": "/usr/bin:/bin"}
        done = subprocess.run(["bash", "-c", command], env=variables, capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    [job] = [each["job_id"] for each in call(commands[0])["jobs"]]
    request_id = f"curl-{time.monotonic_ns()}"
    started = call(commands[1].replace("200000000000001", str(job)).replace("tuesday-1", request_id))
    ended = wait_for(office.apps["acme"], started["run_id"])
    assert ended.state == ("TERMINATED", "SUCCESS"), ended.logs
    shown = call(commands[2].replace("<run_id>", str(started["run_id"])))
    assert shown["state"]["result_state"] == "SUCCESS"
    assert [each for each in office.inbox("acme").values() if request_id in each]
