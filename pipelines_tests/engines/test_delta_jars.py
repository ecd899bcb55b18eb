"""Jars are only used when they are the pinned ones."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from pipelines.engines import delta_jars
from pipelines.engines.delta_jars import DELTA_JARS, Jar, JarsUnavailableError, provide_delta_jars
from pipelines.engines.java import Java

NO_JAVA = Java(Path("/nonexistent"), 17, "test")


def test_jars_in_the_cache_need_neither_java_nor_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delta_jars, "DELTA_JARS", (Jar("delta-storage", hashlib.sha256(b"content").hexdigest()),))
    kept = tmp_path / "jars" / "delta-storage-4.4.0.jar"
    kept.parent.mkdir()
    kept.write_bytes(b"content")
    assert provide_delta_jars(NO_JAVA, tmp_path) == [kept]


def test_an_altered_jar_is_refused_by_name_and_digest(tmp_path: Path) -> None:
    altered = tmp_path / "jars" / DELTA_JARS[0].file_name
    altered.parent.mkdir()
    altered.write_bytes(b"something else")
    with pytest.raises(JarsUnavailableError, match="Delete it and run again") as refusal:
        provide_delta_jars(NO_JAVA, tmp_path)
    assert str(altered) in str(refusal.value)
    assert DELTA_JARS[0].sha256 in str(refusal.value)
