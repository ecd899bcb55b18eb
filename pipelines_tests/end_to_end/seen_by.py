"""All that somebody sees who holds one token of a workspace: lists, runs with their output, rows, files, processes."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path

from databricks.sdk import WorkspaceClient
from databricks.sdk.service import jobs

from pipelines_tests.local.conftest import Finished, wait_for

_LISTS = (
    "/api/2.0/preview/scim/v2/Users",
    "/api/2.0/preview/scim/v2/ServicePrincipals",
    "/api/2.1/unity-catalog/catalogs",
    "/api/2.1/unity-catalog/effective-permissions/catalog/prod",
    "/api/2.0/secrets/scopes/list",
    "/api/2.1/jobs/list?expand_tasks=true",
    "/api/2.1/clusters/list",
    "/api/2.0/workspace/list?path=/",
    "/api/2.0/dbfs/list?path=/",
    "/local/health",
)
_SEARCH = """
    import os, sys
    words = [bytes.fromhex(each).decode() for each in sys.argv[3].split(",")]  # or the search would find itself
    found = {word: [] for word in words}
    def look(where, text):
        for word in words:
            if word in text:
                found[word].append(where)
    for table in filter(None, sys.argv[1].split(",")):
        look(table, str(spark.table(table).collect()))
    for root in sys.argv[2].split(","):
        for folder, folders, files in os.walk(root):
            for each in [*folders, *files]:
                path = os.path.join(folder, each)
                look(path, path)
                try:
                    if os.path.isfile(path):
                        with open(path, "rb") as file:
                            look(path, file.read(1 << 21).decode(errors="replace"))
                except OSError:
                    pass
    for process in filter(str.isdigit, os.listdir("/proc")):
        for each in ("cmdline", "environ"):
            try:
                with open(f"/proc/{process}/{each}", "rb") as file:
                    look(each, file.read().decode(errors="replace"))
            except OSError:
                pass
    for word in words:
        print("SEEN", word.encode().hex(), len(found[word]), *[each.encode().hex() for each in found[word][:20]])
"""


def tables_of(client: WorkspaceClient) -> list[str]:
    """Every table that it may list."""
    schemas = [schema for catalog in client.catalogs.list() for schema in client.schemas.list(catalog.name or "")]
    listed = (client.tables.list(each.catalog_name or "", each.name or "") for each in schemas)
    return [table.full_name or "" for tables in listed for table in tables]


def answers(client: WorkspaceClient) -> dict[str, str]:
    """What the API tells it, by what was asked: lists, tables, volumes with their files, runs with their output."""
    found = {path: json.dumps(client.api_client.do("GET", path)) for path in _LISTS}
    for table in tables_of(client):
        found[table] = json.dumps(client.tables.get(table).as_dict())
    for schema in {name.rpartition(".")[0] for name in tables_of(client)}:
        for volume in client.volumes.list(*schema.split(".")):
            place = f"/Volumes/{(volume.full_name or '').replace('.', '/')}"
            found[place] = json.dumps(volume.as_dict())
            found |= dict(_files(client, place))
    for run in client.jobs.list_runs(expand_tasks=True):
        output = client.jobs.get_run_output(run.run_id or 0).as_dict()
        page = client.jobs.export_run(run.run_id or 0).as_dict()
        found[f"run {run.run_id}"] = json.dumps([run.as_dict(), output, page])
    return found


def _files(client: WorkspaceClient, folder: str) -> Iterator[tuple[str, str]]:
    for entry in client.files.list_directory_contents(folder):
        path = entry.path or ""
        if entry.is_directory:
            yield from _files(client, path)
        elif (content := client.files.download(path).contents) is not None:
            yield path, path + content.read().decode(errors="replace")


def seen_by_its_code(client: WorkspaceClient, program: Path, address: str, roots: list[str], *words: str) -> list[int]:
    """How often each word is found by a program that runs as it, in all tables, files and processes that it sees.

    Args:
        program: where to put the program, which its principal reads at `address`.
        roots: the folders to search.
    """
    program.write_text(textwrap.dedent(_SEARCH))
    needles = ",".join(word.encode().hex() for word in words)
    given = [",".join(tables_of(client)), ",".join(roots), needles]
    task = jobs.SubmitTask("search", spark_python_task=jobs.SparkPythonTask(address, parameters=given))
    done: Finished = wait_for(client, client.jobs.submit(run_name="search", tasks=[task]).response.run_id, 240)
    program.unlink()
    assert done.state == ("TERMINATED", "SUCCESS"), (done.error, done.logs)
    lines = [line.split() for line in done.logs.splitlines() if line.startswith("SEEN")]
    places = [[bytes.fromhex(each).decode() for each in line[3:]] for line in lines]
    print("seen at", dict(zip(words, places, strict=True)))
    return [int(line[2]) for line in lines]
