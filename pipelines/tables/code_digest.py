"""A digest of the code that fills the tables, for commits to say what made them."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]
_FOLDERS = ("flight", "engines", "tables")


@cache
def tables_code_digest() -> str:
    """First 16 hexadecimal digits over every source file of the layers that fill tables, the simulator left out."""
    digest = sha256()
    for folder in _FOLDERS:
        for file in sorted(_PACKAGE.joinpath(folder).rglob("*")):
            name = file.relative_to(_PACKAGE).as_posix()
            if file.suffix in (".py", ".yaml") and not name.startswith("flight/simulator/"):
                digest.update(f"{name}\0{len(file.read_bytes())}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:16]
