"""The deployed files that cannot be built or run here, as far as they can be checked: paths, variables, commands."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines_tests.deploy.conftest import DEPLOY, PROJECT, tools_on_path
from pipelines_tests.deploy.postgres import free_port

SERVE = DEPLOY / "serve.sh"
SERVICES = ("code", "web", "daemon")


def containerfile() -> list[tuple[str, str]]:
    """Instruction and arguments, with continued lines joined."""
    text = (DEPLOY / "Containerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.partition(" ")[0], line.partition(" ")[2]) for line in lines]


def variables_of_image() -> set[str]:
    return {name for kind, text in containerfile() if kind == "ENV" for name in re.findall(r"(\w+)=", text)}


def variables_of_example() -> dict[str, str]:
    lines = (DEPLOY / "example.env").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def asked_from_environment(node: Any) -> set[str]:
    """Names in `{env: NAME}` anywhere below the node."""
    if isinstance(node, dict):
        if set(node) == {"env"}:
            return {node["env"]}
        return set().union(*(asked_from_environment(value) for value in node.values()))
    return set().union(*(asked_from_environment(value) for value in node)) if isinstance(node, list) else set()


def test_image_copies_what_is_there_and_runs_what_the_shell_understands() -> None:
    for kind, text in containerfile():
        if kind == "COPY" and "--from" not in text:
            sources = [word for word in text.split()[:-1] if not word.startswith("--")]
            assert all((PROJECT / source).exists() for source in sources), text
        if kind == "RUN":
            subprocess.run(["sh", "-n", "-c", text], check=True)
        for path in re.findall(r"/srv/pipelines/(\S+)", text):
            assert (PROJECT / path).exists(), path


def test_image_runs_as_nobody_special_from_pinned_packages() -> None:
    instructions = containerfile()
    assert [text for kind, text in instructions if kind == "USER"] == ["pipelines"]
    assert any("pip install --require-hashes" in text for kind, text in instructions if kind == "RUN")
    lock = (PROJECT / "requirements" / "runtime.lock").read_text(encoding="utf-8")
    pinned = re.split(r"(?m)^(?=[a-z0-9])", lock)
    unpinned = [entry.splitlines()[0] for entry in pinned if "==" in entry and "--hash=sha256:" not in entry]
    assert unpinned == []
    assert "://" not in lock


@pytest.mark.parametrize("name", ["dagster.yaml", "workspace.yaml"])
def test_every_variable_that_is_asked_for_is_said_to_be(name: str) -> None:
    asked = asked_from_environment(yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8")))
    assert asked
    assert asked <= variables_of_image() | variables_of_example().keys()


def test_deployment_loads_one_location() -> None:
    workspace = yaml.safe_load((DEPLOY / "workspace.yaml").read_text(encoding="utf-8"))
    [entry] = workspace["load_from"]
    assert entry["grpc_server"]["location_name"] == {"env": "PIPELINES_LOCATION"}


def test_compose_starts_each_service_and_needs_only_what_the_example_says() -> None:
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    services = yaml.safe_load(text)["services"]
    commands = {name: service["command"] for name, service in services.items() if name != "postgres"}
    assert commands == {name: ["deploy/serve.sh", name] for name in SERVICES}
    assert services["code"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    asked = set(re.findall(r"\$\{(\w+)", text)) - {"PIPELINES_ENV_FILE"}
    example = variables_of_example()
    assert asked <= example.keys()
    assert example["PGHOST"] in services
    assert example["PIPELINES_CODE_SERVER"] in services


def test_example_holds_no_secret() -> None:
    example = variables_of_example()
    assert [example[name] for name in example if re.search(r"PASSWORD|SECRET|KEY|TOKEN", name)] == ["", ""]


def test_serving_says_what_it_lacks() -> None:
    nothing = subprocess.run([SERVE, "code"], env={"PATH": tools_on_path()}, capture_output=True, text=True)
    assert nothing.returncode != 0
    assert "PIPELINES_LOCATION: is not set" in nothing.stderr
    variables = {"PATH": tools_on_path(), "PIPELINES_LOCATION": "production"}
    wrong = subprocess.run([SERVE, "everything"], env=variables, capture_output=True, text=True)
    assert wrong.returncode == 2
    assert "code, web or daemon" in wrong.stderr
    for command in set(re.findall(r"exec (\S+)", SERVE.read_text(encoding="utf-8"))):
        assert shutil.which(command, path=tools_on_path()), command


@pytest.mark.slow
def test_code_server_serves_the_project(tmp_path: Path) -> None:
    port = free_port()
    variables = {
        "PATH": tools_on_path(),
        "HOME": str(tmp_path),
        "DAGSTER_HOME": str(tmp_path),
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "PIPELINES_HOME": str(tmp_path / "pipelines"),
        "PIPELINES_LOCATION": "development",
        "PIPELINES_LISTEN": "127.0.0.1",
        "PIPELINES_CODE_PORT": str(port),
    }
    with (tmp_path / "output").open("w") as output:
        server = subprocess.Popen([SERVE, "code"], env=variables, cwd=PROJECT, stdout=output, stderr=output)
    try:
        check = ["dagster", "api", "grpc-health-check", "-p", str(port), "-h", "127.0.0.1"]
        deadline = time.monotonic() + 120
        while subprocess.run(check, env=variables, capture_output=True).returncode != 0:
            assert server.poll() is None, (tmp_path / "output").read_text()
            assert time.monotonic() < deadline, (tmp_path / "output").read_text()
        assert "Started Dagster code server" in (tmp_path / "output").read_text()
    finally:
        server.terminate()
        server.wait(timeout=60)
