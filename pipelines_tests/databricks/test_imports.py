"""Loading definitions that use the launcher imports no SDK and connects to nothing."""

from __future__ import annotations

import subprocess
import sys


def test_the_sdk_is_imported_at_the_first_launch_only() -> None:
    code = (
        "import sys, pipelines.databricks.launcher; print('databricks.sdk' in sys.modules, 'requests' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split()[0] == "False"


def test_no_pickle_is_read_anywhere_in_the_launcher() -> None:
    from pathlib import Path

    import pipelines.databricks

    for path in Path(pipelines.databricks.__file__).parent.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "import pickle" not in text
        assert "marshal.load" not in text  # bytecode is read by Python's import alone, once its digest is verified
