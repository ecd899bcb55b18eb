from __future__ import annotations

import os

import pytest

from pipelines.releases.git.contents import Limits, inspect
from pipelines.releases.git.mirror import Mirror
from pipelines.releases.git.repository import AbsentCommitError
from pipelines.releases.git.tree import read_manifests, read_tree
from pipelines_tests.releases.git.origin import Origin

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


def _problems(origin: Origin, mirror: Mirror, limits: Limits | None = None) -> list[str]:
    mirror.fetch(30)
    tree = read_tree(mirror.repository, origin.head())
    found = inspect(mirror.repository, tree, limits or Limits())
    assert all(problem.remedy and problem.kind == "contents" for problem in found)
    return [problem.what for problem in found]


def test_the_models_of_a_commit(origin: Origin, mirror: Mirror):
    first = origin.head()
    origin.commit(
        {
            "pipelines/models/wing/model.yaml": "name: wing\n",
            "pipelines/models/manifest.py": "",
            "pipelines/models/half/model.py": "",
            "pipelines/models/deep/er/model.yaml": "",
            "other/pipelines/models/x/model.yaml": "",
        }
    )
    mirror.fetch(30)
    tree = read_tree(mirror.repository, origin.head())
    assert tree.models == ("glider", "wing")
    assert read_manifests(mirror.repository, tree) == {"glider": b"name: glider\n", "wing": b"name: wing\n"}
    assert read_tree(mirror.repository, first).models == ("glider",)


def test_a_commit_that_is_not_there(mirror: Mirror):
    mirror.fetch(30)
    with pytest.raises(AbsentCommitError):
        read_tree(mirror.repository, "1" * 40)


def test_nothing_speaks_against_an_ordinary_commit(origin: Origin, mirror: Mirror):
    origin.commit({"notebooks/starter.ipynb": "{}", "docs/a b ü.md": "x", "pipelines/tool.sql": "-- a query\n"})
    assert _problems(origin, mirror) == []


def test_a_repository_without_models(origin: Origin, mirror: Mirror):
    origin.git("rm", "-rq", "pipelines")
    origin.commit()
    (problem,) = _problems(origin, mirror)
    assert "has no model" in problem


def test_an_empty_commit_has_no_models_either(origin: Origin, mirror: Mirror):
    origin.git("rm", "-rq", ".")
    origin.git("commit", "-qm", "nothing left")
    origin.push()
    (problem,) = _problems(origin, mirror)
    assert "has no model" in problem


def test_submodules_are_named(origin: Origin, mirror: Mirror):
    inner = origin.head()
    origin.git("update-index", "--add", "--cacheinfo", f"160000,{inner},vendor/inner")
    origin.git("commit", "-qm", "a submodule")
    origin.push()
    (problem,) = _problems(origin, mirror)
    assert "submodules" in problem
    assert problem.endswith(": vendor/inner.")


def test_pointers_of_large_file_storage_in_a_model(origin: Origin, mirror: Mirror):
    origin.commit({"pipelines/models/glider/weights.bin": POINTER, "docs/picture.png": POINTER})
    (problem,) = _problems(origin, mirror)
    assert "Git LFS" in problem
    assert problem.endswith(": pipelines/models/glider/weights.bin.")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("pipelines/models/glider/try.ipynb", "{}"),
        ("pipelines/Try.IPYNB", "{}"),
        ("pipelines/models/glider/try.py", "# Databricks notebook source\nprint(1)\n"),
        ("pipelines/try.sql", "-- Databricks notebook source\nSELECT 1\n"),
        ("pipelines/bom.py", b"\xef\xbb\xbf# Databricks notebook source\r\n"),
    ],
)
def test_notebooks_below_the_code_are_named(origin: Origin, mirror: Mirror, name: str, content: str | bytes):
    origin.commit({name: content})
    (problem,) = _problems(origin, mirror)
    assert problem.endswith(f"production carries none: {name}.")
    assert _problems(origin, mirror, Limits(notebooks=True)) == []


def test_what_only_mentions_notebooks_is_none(origin: Origin, mirror: Mirror):
    origin.commit({"pipelines/a.py": "X = 1\n# Databricks notebook source\n", "pipelines/ipynb.py": "", "b.ipynb": ""})
    assert _problems(origin, mirror) == []


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside", "sub/../../outside", ".."])
def test_links_that_leave_the_commit(origin: Origin, mirror: Mirror, target: str):
    (origin.work / "link").symlink_to(target)
    origin.commit()
    (problem,) = _problems(origin, mirror)
    assert problem.endswith(f": link -> {target}.")


def test_a_link_through_a_link_is_not_trusted(origin: Origin, mirror: Mirror):
    (origin.work / "pipelines/inside").symlink_to("models")
    (origin.work / "through").symlink_to("pipelines/inside/../../../outside")
    (origin.work / "through2").symlink_to("pipelines/inside/glider")
    origin.commit()
    (problem,) = _problems(origin, mirror)
    assert "through -> " in problem
    assert "through2 -> " in problem


def test_links_inside_are_fine(origin: Origin, mirror: Mirror):
    (origin.work / "pipelines/link").symlink_to("../README.md")
    origin.commit({"README.md": "x"})
    assert _problems(origin, mirror) == []


def test_large_files_and_a_large_whole(origin: Origin, mirror: Mirror):
    origin.commit({"data.bin": os.urandom(3000), "more.bin": os.urandom(2000)})
    first, second = _problems(origin, mirror, Limits(largest_file_bytes=2500, total_bytes=4000))
    assert "data.bin" in first
    assert "more.bin" not in first
    assert "in all" in second


def test_too_many_files(origin: Origin, mirror: Mirror):
    origin.commit({f"docs/{number}.md": "x" for number in range(20)})
    (problem,) = _problems(origin, mirror, Limits(files=20))
    assert "has 22 files" in problem


def test_a_link_with_an_endless_target_is_not_read(origin: Origin, mirror: Mirror):
    blob = origin.work / "long"
    blob.write_text("a/" * 5000)
    name = origin.git("hash-object", "-w", "long").strip()
    blob.unlink()
    origin.git("update-index", "--add", "--cacheinfo", f"120000,{name},link")
    origin.git("commit", "-qm", "a long link")
    origin.push()
    (problem,) = _problems(origin, mirror)
    assert problem.endswith("link -> a name of 10000 bytes.")


def test_everything_is_told_at_once_and_many_names_are_cut(origin: Origin, mirror: Mirror):
    origin.commit({f"pipelines/n{number}.ipynb": "{}" for number in range(8)} | {"pipelines/models/glider/w": POINTER})
    first, second = _problems(origin, mirror)
    assert "Git LFS" in first
    assert second.endswith("n4.ipynb and 3 more.")


def test_strange_names_are_shown_safely(origin: Origin, mirror: Mirror):
    origin.commit({"pipelines/a\nb\x1b[31m.ipynb": "{}"})
    (problem,) = _problems(origin, mirror)
    assert problem.isprintable()
