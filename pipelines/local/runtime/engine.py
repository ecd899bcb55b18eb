"""A task's own Spark engine: Sail in this process, resolving names through the workspace's Unity Catalog."""

from __future__ import annotations

import json
import os
from typing import Any

from . import fork_point
from .environment import Workspace

_server: Any = None


def start(catalogs: list[str], workspace: Workspace, configuration: dict[str, str]) -> None:
    """Start the engine and an active session, so that `SparkSession.builder.getOrCreate()` gives it."""
    global _server
    fork_point.leave()
    entries = ", ".join(
        f'{{type="unity", name={json.dumps(name)}, uri={json.dumps(workspace.host + "/api/2.1/unity-catalog")}, '
        f"default_catalog={json.dumps(name)}, token={json.dumps(workspace.token)}}}"
        for name in catalogs
    )
    # Only the engine needs the token, and only while it starts.
    os.environ["SAIL_CATALOG__LIST"] = f"[{entries}]"
    os.environ["SAIL_CATALOG__DEFAULT_CATALOG"] = catalogs[0]
    os.environ.setdefault("RUST_LOG", "error")
    try:
        from pysail.spark import SparkConnectServer

        _server = SparkConnectServer("127.0.0.1", 0)
        _server.start(background=True)
    finally:
        os.environ.pop("SAIL_CATALOG__LIST")
        os.environ.pop("SAIL_CATALOG__DEFAULT_CATALOG")
    _, port = _server.listening_address
    os.environ["SPARK_REMOTE"] = f"sc://127.0.0.1:{port}"
    from pyspark.sql import SparkSession

    session = SparkSession.builder.getOrCreate()
    session.conf.set("spark.sql.session.timeZone", "UTC")
    for name, value in configuration.items():
        session.conf.set(name, value)
