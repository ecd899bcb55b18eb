"""Folders of one workspace: its own tasks read and write them, the other workspace's do not see them."""

from __future__ import annotations

from databricks.sdk import WorkspaceClient

from pipelines.local.settings import LocalSettings
from pipelines_tests.local.conftest import run_code

SUCCESS = ("TERMINATED", "SUCCESS")


def test_only_its_own_workspace_sees_it(
    development: WorkspaceClient,
    development_cluster: str,
    production: WorkspaceClient,
    production_cluster: str,
    settings: LocalSettings,
) -> None:
    own, other = settings.private["development"][0], settings.private["production"][0]
    code = """
        import os, sqlite3
        connection = sqlite3.connect("{own}/store.db")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE kept (workspace TEXT)")
        connection.execute("INSERT INTO kept VALUES ('{name}')")
        connection.commit()
        print("store.db" if "store.db" in os.listdir("{own}") else "nothing", os.path.exists("{other}/store.db"))
    """
    done = run_code(development, code.format(own=own, other=other, name="development"), development_cluster)
    assert (done.state, done.logs.strip()) == (SUCCESS, "store.db False"), done.logs
    assert (own / "store.db").exists()
    done = run_code(production, code.format(own=other, other=own, name="production"), production_cluster)
    assert (done.state, done.logs.strip()) == (SUCCESS, "store.db False"), done.logs
    assert (other / "store.db").exists()
