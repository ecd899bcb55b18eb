"""Shipped code comes compiled: what is compiled, once, and for which Python."""

from __future__ import annotations

import io
import sys
import zipfile
from importlib.machinery import SourcelessFileLoader
from pathlib import Path

import pytest

from pipelines.databricks import bytecode, request
from pipelines.databricks.bytecode import bytecode_of
from pipelines_tests.databricks.test_launcher import Run, metadata_of


def _archive(**modules: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, source in modules.items():
            archive.writestr(f"package/{name}.py", source)
        archive.writestr("package/data.yaml", "a: 1")
    return made.getvalue()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PIPELINES_CACHE", str(tmp_path))
    return tmp_path


def test_it_is_what_python_looks_for_beside_the_sources(tmp_path: Path) -> None:
    compiled = bytecode_of(_archive(one="VALUE = 41 + 1"), "digest")
    tag = sys.implementation.cache_tag
    with zipfile.ZipFile(io.BytesIO(compiled.archive)) as archive:
        assert archive.namelist() == [f"package/__pycache__/one.{tag}.pyc"]
        archive.extractall(tmp_path)
    found: dict[str, object] = {}
    file = tmp_path / "package" / "__pycache__" / f"one.{tag}.pyc"
    exec(SourcelessFileLoader("one", str(file)).get_code("one"), found)  # type: ignore[arg-type]
    assert found["VALUE"] == 42


def test_a_module_that_does_not_compile_is_left_to_whoever_imports_it() -> None:
    compiled = bytecode_of(_archive(good="", bad="def :", nul="\0"), "digest")
    names = zipfile.ZipFile(io.BytesIO(compiled.archive)).namelist()
    assert [Path(name).name.partition(".")[0] for name in names] == ["good"]


def test_code_is_compiled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = bytecode_of(_archive(one="1"), "digest")
    monkeypatch.setattr(bytecode, "_compiled", lambda _: b"compiled again")
    assert bytecode_of(_archive(one="1"), "digest") == first
    assert bytecode_of(_archive(two="2"), "another digest").archive == b"compiled again"


def test_a_task_uses_it_and_imports_what_is_shipped(run: Run) -> None:
    assert metadata_of(run("empty"), "empty")["compiled_before"] is True


def test_a_task_of_another_python_compiles_the_sources(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request, "MAGIC", "00000000")
    metadata = metadata_of(run("empty"), "empty")
    assert (metadata["what"], metadata["compiled_before"]) == ("committed", False)
