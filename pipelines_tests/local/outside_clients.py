"""Readers of Unity Catalog that we did not write, outside of any task: all they have is an address and a token."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_SAIL = """
import os
os.environ["SAIL_CATALOG__LIST"] = (
    '[{{type="unity", name="main", uri="{host}/api/2.1/unity-catalog", default_catalog="main", token="{token}"}}]'
)
os.environ["SAIL_CATALOG__DEFAULT_CATALOG"] = "main"
from pysail.spark import SparkConnectServer
from pyspark.sql import SparkSession
server = SparkConnectServer("127.0.0.1", 0)
server.start(background=True)
spark = SparkSession.builder.remote("sc://127.0.0.1:%d" % server.listening_address[1]).getOrCreate()
print(sorted(tuple(row) for row in spark.table("{table}").collect()))
"""
_POLARS = """
import polars
catalog = polars.Catalog("{host}", bearer_token="{token}", require_https=False)
print(sorted(catalog.scan_table(*"{table}".split(".")).collect().rows()))
"""
READERS = {"sail": _SAIL, "polars": _POLARS}


def read_outside(reader: str, host: str, token: str, table: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Have the reader print the table's rows in their order, in a process of its own that knows nothing else."""
    return subprocess.run(
        [sys.executable, "-I", "-c", READERS[reader].format(host=host, token=token, table=table)],
        capture_output=True,
        text=True,
        cwd=folder,
        env={"PATH": os.environ["PATH"]},
        check=False,
    )
