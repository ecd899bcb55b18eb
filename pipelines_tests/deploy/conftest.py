"""A deployment on this machine: the deployed files, a real Postgres, an S3 API on loopback, and Dagster's processes."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipelines_tests.dagster_graphql import ask_dagster
from pipelines_tests.deploy.postgres import free_port, postgres_binaries, postgres_cluster

PROJECT = Path(__file__).resolve().parents[2]
DEPLOY = PROJECT / "deploy"
BUCKET = "pipelines-logs"
_START_LIMIT_S = 180


@dataclass(frozen=True)
class Deployment:
    """Addresses of what runs."""

    variables: dict[str, str]
    database: dict[str, str]
    web: str
    s3: str

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """What Dagster's GraphQL API answers."""
        return ask_dagster(self.web, query, **variables)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of Dagster's database, read past Dagster."""
        import psycopg2

        connection = psycopg2.connect(
            host=self.database["PGHOST"],
            port=self.database["PGPORT"],
            user=self.database["PGUSER"],
            password=self.database["PGPASSWORD"],
            dbname=self.database["PGDATABASE"],
        )
        try:
            with connection.cursor() as cursor:
                cursor.execute(query)
                return cursor.fetchall()
        finally:
            connection.close()


def tools_on_path() -> str:
    """PATH with this interpreter's scripts first, as in the image."""
    return f"{Path(sys.executable).parent}:{os.environ['PATH']}"


@pytest.fixture(scope="package")
def database() -> Iterator[dict[str, str]]:
    binaries = postgres_binaries()
    if binaries is None:
        pytest.skip("Postgres is not installed here (Debian: apt-get install postgresql)")
    with postgres_cluster(binaries) as variables:
        yield variables


@pytest.fixture(scope="package")
def s3() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="package")
def deployment(database: dict[str, str], s3: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    import boto3

    home = tmp_path_factory.mktemp("deployment")
    for name in ("dagster.yaml", "workspace.yaml"):
        shutil.copy(DEPLOY / name, home)
    code_port, web_port = free_port(), free_port()
    variables = {
        **os.environ,
        "PATH": tools_on_path(),
        "DAGSTER_HOME": str(home),
        "DAGSTER_DISABLE_TELEMETRY": "1",
        **database,
        "PIPELINES_LOGS_BUCKET": BUCKET,
        "PIPELINES_LOGS_PREFIX": "production",
        "PIPELINES_LOCATION": "thin",
        "PIPELINES_CODE_SERVER": "127.0.0.1",
        "PIPELINES_CODE_PORT": str(code_port),
        "PIPELINES_WEB_PORT": str(web_port),
        "PIPELINES_LISTEN": "127.0.0.1",
        "AWS_ENDPOINT_URL": s3,
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "loopback",
        "AWS_SECRET_ACCESS_KEY": "loopback",
    }
    boto3.client("s3", endpoint_url=s3, aws_access_key_id="loopback", aws_secret_access_key="loopback").create_bucket(
        Bucket=BUCKET
    )
    code = ["dagster", "code-server", "start", "-m", "pipelines_tests.deploy.thin_location", "-a", "thin"]
    commands = [
        [*code, "--location-name", "thin", "-h", "127.0.0.1", "-p", str(code_port)],
        [str(DEPLOY / "serve.sh"), "web"],
        [str(DEPLOY / "serve.sh"), "daemon"],
    ]
    with (home / "output").open("w") as output:
        options: dict[str, Any] = {"env": variables, "cwd": PROJECT, "stdout": output, "stderr": output}
        processes = [subprocess.Popen(command, start_new_session=True, **options) for command in commands]
    found = Deployment(variables, database, f"http://127.0.0.1:{web_port}", s3)
    try:
        _wait_until_loaded(found, processes, home / "output")
        yield found
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=20)
            # What it has started, too.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait_until_loaded(deployment: Deployment, processes: list[subprocess.Popen[Any]], output: Path) -> None:
    query = (
        "{ workspaceOrError { ... on Workspace { locationEntries { name loadStatus locationOrLoadError {__typename}}}}}"
    )
    deadline = time.monotonic() + _START_LIMIT_S
    seen: Any = None
    while time.monotonic() < deadline:
        ended = [process.args for process in processes if process.poll() is not None]
        assert not ended, f"{ended} ended:\n{output.read_text()}"
        try:
            seen = deployment.ask(query)["workspaceOrError"]["locationEntries"]
        except OSError as error:
            seen = error
        else:
            kinds = [entry["locationOrLoadError"] for entry in seen]
            if kinds == [{"__typename": "RepositoryLocation"}]:
                return
        time.sleep(0.5)
    raise AssertionError(f"the location is not loaded: {seen}\n{output.read_text()[-4000:]}")
