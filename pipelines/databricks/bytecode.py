"""Shipped code compiled before it is shipped: a task would need longer to compile it than to run many a step.

The task takes it only with the digest that the submission names, and only if its Python is the one that this is for;
another Python compiles the sources, which lie beside it.
"""

from __future__ import annotations

import hashlib
import io
import marshal
import os
import sys
import zipfile
from dataclasses import dataclass
from importlib.util import MAGIC_NUMBER, source_hash
from pathlib import PurePosixPath

from pipelines.machine_cache import cache_folder, kept

MAGIC = MAGIC_NUMBER.hex()
"""Names the bytecode of this Python, as the task's Python names its own."""
_HEADER = MAGIC_NUMBER + (0b01).to_bytes(4, "little")
"""PEP 552: valid by a hash of the source that is not checked, for the sources are verified before any is imported."""


@dataclass(frozen=True)
class Bytecode:
    """An archive of `.pyc` files, at the places where Python looks for those of the code archive's modules."""

    archive: bytes
    digest: str
    """SHA-256 of the archive."""


def bytecode_of(archive: bytes, digest: str) -> Bytecode:
    """The bytecode of a code archive with this digest, compiled once on this machine.

    A module that does not compile is left out: whoever imports it is told so.
    """
    folder = cache_folder(os.environ) / "bytecode"
    compiled = kept(folder, f"{digest}.{MAGIC}.zip", lambda: _compiled(archive))
    return Bytecode(compiled, hashlib.sha256(compiled).hexdigest())


def _compiled(archive: bytes) -> bytes:
    made = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(archive)) as sources,
        zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as target,
    ):
        for name in sorted(name for name in sources.namelist() if name.endswith(".py")):
            source = sources.read(name)
            try:
                code = compile(source, name, "exec", dont_inherit=True)
            except (SyntaxError, ValueError):
                continue
            target.writestr(zipfile.ZipInfo(_place_of(name)), _HEADER + source_hash(source) + marshal.dumps(code))
    return made.getvalue()


def _place_of(name: str) -> str:
    module = PurePosixPath(name)
    return str(module.parent / "__pycache__" / f"{module.stem}.{sys.implementation.cache_tag}.pyc")
