"""What a program sees that runs as one customer's principal in the workspace: nothing of another's, on any path."""

from __future__ import annotations

import io

import pytest
from databricks.sdk.errors.base import DatabricksError

from pipelines_tests.customers.isolation.stage import CANARY, FILES, A, B, Stage, run_as
from pipelines_tests.local.conftest import Finished

SUCCESS = ("TERMINATED", "SUCCESS")
# The needle is put together there, or the search would find itself.
_SEARCH = f"""
    import os
    from os.path import isfile
    needle = "{CANARY[:6]}" + "{CANARY[6:]}"
    found, count = [], 0
    def look(path):
        global count
        try:
            if needle in path or (isfile(path) and needle.encode() in open(path, "rb").read(1 << 20)):
                found.append(path)
            count += 1
        except OSError:
            pass
    roots = {{roots!r}}
    for root in roots:
        for folder, folders, files in os.walk(root):
            found += [os.path.join(folder, each) for each in folders if needle in each]
            for each in files:
                look(os.path.join(folder, each))
    for process in filter(str.isdigit, os.listdir("/proc")):
        for each in ("cmdline", "environ"):
            look(f"/proc/{{{{process}}}}/{{{{each}}}}")
    print("FOUND", len(found), count > 10, found[:20])
"""


def _search(stage: Stage) -> str:
    """A program that looks for canaries in every file of the servers, the tables, the volumes and the processes."""
    home = stage.settings.home.parent
    roots = [str(home), "/Volumes", "/dbfs", "/Workspace", "/tmp", "/var/tmp", "/dev/shm"]
    return _SEARCH.format(roots=roots).replace("{{", "{").replace("}}", "}")


def _found(done: Finished) -> str:
    assert done.state == SUCCESS, (done.error, done.logs)
    return next(line for line in done.logs.splitlines() if line.startswith("FOUND"))


def test_search_of_all_that_is_there_finds_nothing_of_another(stage: Stage) -> None:
    assert not _found(run_as(stage.production, _search(stage), stage.cluster)).startswith("FOUND 0"), (
        "production's own step sees what it works on: the search can find it"
    )
    assert _found(run_as(stage.a, _search(stage), None)).startswith("FOUND 0 True []")


def test_engine_refuses_tables_of_another(stage: Stage) -> None:
    code = """
        print(spark.table("prod.customer_acme.corrections").count())
        for statement in ("SELECT * FROM prod.customer_birch.corrections",
                          "INSERT INTO prod.customer_birch.corrections SELECT * FROM prod.customer_acme.corrections",
                          "DROP TABLE prod.customer_birch.corrections",
                          "INSERT INTO prod.customer_acme.corrections SELECT * FROM prod.customer_acme.corrections",
                          "SELECT * FROM prod.ops.customers", "SELECT * FROM delta.`{folder}`"):
            try:
                spark.sql(statement).collect()
                print("DONE", statement)
            except Exception as error:
                assert "{canary}" not in str(error)
                print("refused")
    """
    folder = stage.settings.warehouse / "prod" / "customer_birch" / "corrections"
    done = run_as(stage.a, code.format(folder=folder, canary=CANARY[:-1]), None)
    assert done.state == SUCCESS, done.error
    assert done.logs.split() == ["1", *["refused"] * 6]
    assert run_as(stage.production, "print(spark.table('prod.customer_birch.corrections').count())", stage.cluster).logs


def test_secrets_of_another_are_refused(stage: Stage) -> None:
    code = f"""
        for scope in ("customer-{B}", "customer-{A}", "pipelines"):
            try:
                print("DONE", dbutils.secrets.list(scope))
            except Exception:
                print("refused")
    """
    assert run_as(stage.a, code, None).logs.split() == ["refused"] * 3


def test_links_in_the_own_volume_lead_nowhere(stage: Stage) -> None:
    own = FILES.replace(B, A)
    place = stage.settings.home.parent / "customers" / B
    code = f"""
        import os
        os.symlink("{place}", "{own}/inbox/folder")
        os.symlink("{place}/sessions/{CANARY}.json", "{own}/inbox/file.json")
        os.symlink("/etc/passwd", "{own}/inbox/passwords")
    """
    assert run_as(stage.a, code, None).state == SUCCESS
    files, planted = stage.a.files, place / "inbox" / "planted.json"
    try:
        for attempt in (
            lambda: files.download(f"{own}/inbox/folder/sessions/{CANARY}.json"),
            lambda: files.download(f"{own}/inbox/file.json"),
            lambda: files.download(f"{own}/inbox/passwords"),
            lambda: list(files.list_directory_contents(f"{own}/inbox/folder/sessions")),
            lambda: files.upload(f"{own}/inbox/folder/inbox/{planted.name}", io.BytesIO(b"x")),
            lambda: files.delete(f"{own}/inbox/folder/sessions/{CANARY}.json"),
        ):
            with pytest.raises(DatabricksError, match="not found"):
                attempt()
        assert CANARY not in str(stage.a.api_client.do("GET", f"/api/2.0/fs/directories{own}/inbox"))
        assert not planted.exists()
        assert (place / "sessions" / f"{CANARY}.json").exists()
    finally:
        names = ("folder", "file.json", "passwords")
        run_as(stage.a, f"import os; [os.remove('{own}/inbox/' + name) for name in {names}]", None)
