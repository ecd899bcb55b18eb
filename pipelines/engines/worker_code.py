"""The shipped code for Spark's Python workers, which are processes of their own and see nothing of the task's path.

A task that runs shipped code says in `SHIPPED_CODE` where it lies unpacked. Workers import from a zip file, but this
package reads files that lie beside its modules; so what they get is a package that unpacks the rest when it is first
imported, and then becomes it.
"""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SHIPPED_CODE = "SHIPPED_CODE"

_PACKAGE = __name__.partition(".")[0]
_UNPACKING = f'''
import os, shutil, tempfile, zipfile

archive = __file__.rpartition(".zip")[0] + ".zip"
folder = archive + ".unpacked"
if not os.path.isdir(folder):
    own = tempfile.mkdtemp(dir=os.path.dirname(archive))
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(own)
    try:
        os.rename(own, folder)
    except OSError:  # another worker was first
        shutil.rmtree(own)
__path__ = [os.path.join(folder, "shipped", "{_PACKAGE}")]
__file__ = os.path.join(__path__[0], "__init__.py")
with open(__file__, encoding="utf-8") as source:
    exec(compile(source.read(), __file__, "exec"))
'''


def give_to_workers(spark: SparkSession) -> None:
    """Make the code that this task was shipped importable in the session's Python workers.

    Does nothing where no code was shipped, as in tests that run on this machine's own installation.
    """
    folder = os.environ.get(SHIPPED_CODE)
    if folder is None:
        return
    session: Any = spark
    archive, digest = _archive(Path(folder))
    if (context := getattr(session, "_sc", None)) is not None:
        # Workers are kept for the next task of a shared cluster, but only for one whose environment is the same:
        # code of two commits never meets in a worker.
        context.environment["SHIPPED_CODE_DIGEST"] = digest
    session.addArtifacts(str(archive), pyfile=True)


def _archive(folder: Path) -> tuple[Path, str]:
    """The zip file for workers and its digest. It is kept beside the code: Spark looks at it again and again."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo(f"{_PACKAGE}/__init__.py"), _UNPACKING)
        for file in sorted((folder / _PACKAGE).rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                archive.writestr(zipfile.ZipInfo(f"shipped/{file.relative_to(folder)}"), file.read_bytes())
    digest = hashlib.sha256(made.getvalue()).hexdigest()
    target = folder / f"worker_code_{digest[:16]}.zip"
    if not target.exists():
        target.write_bytes(made.getvalue())
    return target, digest
