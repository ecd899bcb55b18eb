"""`dbutils` inside a task: secrets, files, widgets and notebook results."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from .environment import Workspace


class NotebookExit(BaseException):
    """`dbutils.notebook.exit(value)`: ends the notebook with a result."""

    def __init__(self, value: str) -> None:
        super().__init__(value)
        self.value = value


def task_path(path: str) -> Path:
    """Where a task finds `dbfs:/...`, `/Volumes/...` or a plain path."""
    if path.startswith("dbfs:"):
        path = path.removeprefix("dbfs:")
        return Path(path if path.startswith("/Volumes/") else f"/dbfs{path}")
    if path.startswith("file:"):
        return Path(path.removeprefix("file:"))
    return Path(path if path.startswith(("/Volumes/", "/Workspace/")) else f"/dbfs/{path.lstrip('/')}")


class _Secrets:
    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def get(self, scope: str, key: str) -> str:
        return self.getBytes(scope, key).decode()

    def getBytes(self, scope: str, key: str) -> bytes:  # noqa: N802 (Databricks' own name)
        return self._workspace.secret(scope, key)

    def list(self, scope: str) -> list[Any]:
        found = self._workspace.get("/api/2.0/secrets/list", scope=scope).get("secrets", [])
        return [SimpleNamespace(key=entry["key"]) for entry in found]

    def listScopes(self) -> list[Any]:  # noqa: N802 (Databricks' own name)
        found = self._workspace.get("/api/2.0/secrets/scopes/list").get("scopes", [])
        return [SimpleNamespace(name=entry["name"]) for entry in found]


class _Files:
    def ls(self, path: str) -> list[Any]:
        return [
            SimpleNamespace(
                path=f"{path.rstrip('/')}/{entry.name}" + ("/" if entry.is_dir() else ""),
                name=entry.name + ("/" if entry.is_dir() else ""),
                size=0 if entry.is_dir() else entry.stat().st_size,
            )
            for entry in sorted(task_path(path).iterdir())
        ]

    def mkdirs(self, path: str) -> bool:
        task_path(path).mkdir(parents=True, exist_ok=True)
        return True

    def put(self, path: str, contents: str, overwrite: bool = False) -> bool:
        target = task_path(path)
        if target.exists() and not overwrite:
            raise FileExistsError(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(contents, encoding="utf-8")
        return True

    def head(self, path: str, max_bytes: int = 65536) -> str:
        with task_path(path).open("rb") as opened:
            return opened.read(max_bytes).decode()

    def cp(self, source: str, target: str, recurse: bool = False) -> bool:
        origin = task_path(source)
        if recurse:
            shutil.copytree(origin, task_path(target), dirs_exist_ok=True)
        else:
            shutil.copyfile(origin, task_path(target))
        return True

    def mv(self, source: str, target: str, recurse: bool = False) -> bool:
        return self.cp(source, target, recurse) and self.rm(source, recurse)

    def rm(self, path: str, recurse: bool = False) -> bool:
        target = task_path(path)
        if target.is_dir():
            shutil.rmtree(target) if recurse else target.rmdir()
        else:
            target.unlink()
        return True


class _Widgets:
    def __init__(self, values: dict[str, str]) -> None:
        self._values = values

    def get(self, name: str) -> str:
        if name not in self._values:
            raise LookupError(f"No input widget named {name} is defined")
        return self._values[name]

    def getAll(self) -> dict[str, str]:  # noqa: N802 (Databricks' own name)
        return dict(self._values)

    def text(self, name: str, default: str, label: str = "") -> None:  # noqa: ARG002 (a label is for a page that is not there)
        self._values.setdefault(name, default)


class DbUtils:
    """The parts of `dbutils` that jobs use."""

    def __init__(self, spec: dict[str, Any], workspace: Workspace) -> None:
        self._folder = Path(spec["folder"])
        self.secrets = _Secrets(workspace)
        self.fs = _Files()
        self.widgets = _Widgets(dict(spec.get("widgets", {})))
        self.notebook = SimpleNamespace(exit=self._exit)

    def _exit(self, value: Any) -> None:
        raise NotebookExit(str(value))

    def save_result(self, value: str) -> None:
        """Keep the notebook's result for `runs/get-output`."""
        (self._folder / "result.json").write_text(json.dumps({"notebook_result": value}), encoding="utf-8")
