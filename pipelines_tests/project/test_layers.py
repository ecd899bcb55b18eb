"""The house rules that a machine can see: who may import whom."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import pipelines

PACKAGE = Path(pipelines.__file__).parent
COPIED = (PACKAGE / "local" / "runtime", PACKAGE / "databricks" / "remote")

# Each layer may import itself and what is listed; the rest of the package is closed to it.
ALLOWED = {
    "flight": set(),
    "landing": set(),
    "landing_access": {"landing"},
    "branches": set(),
    "workspace_names": set(),
    "remote_settings": set(),
    "watched_branch": set(),
    "machine_cache": set(),
    "environment_file": {"settings", "workspace_names"},
    "compute_choice": {"remote_settings", "settings"},
    "settings": {"landing.address", "remote_settings", "watched_branch", "workspace_names"},
    "environments": {
        "settings",
        "branches",
        "environment_file",
        "landing.address",
        "compute_choice",
        "remote_settings",
        "watched_branch",
        "workspace_names",
    },
    "engines": {
        "machine_cache",
        "tables.contract",
        "tables.attestation_keys",
        "tables.retries",
        "environments",
        "settings",
    },
    "tables": {"flight", "engines", "landing"},
    "models": {"flight", "engines", "tables"},
    "training": {"flight", "engines", "tables", "models", "environments", "settings"},
    "releases": {"flight", "engines", "tables", "models", "training", "environments", "settings"},
    "releases.git": set(),
    "customers": {
        "flight",
        "landing",
        "engines",
        "tables",
        "models",
        "training",
        "releases",
        "environments",
        "settings",
        "workspace_names",
        "databricks.bootstrap",
        "databricks.compute",
        "databricks.tags",
        "databricks.rest",
        "databricks.staging",
        "metastore",
    },
    "costs": {"customers", "databricks.tags", "engines", "tables", "settings"},
    "validation": {"models", "training", "releases", "environments", "settings"},
    "partitions": {"environments"},
    "databricks": {"machine_cache"},
    "local": set(),
    "metastore": {"databricks", "engines.lease", "models", "tables", "workspace_names"},
    "bucket_credentials": {"environments", "settings", "landing.address"},
    "embedded_compute": {"local", "remote_settings", "settings"},
    "embedded": {
        "embedded_compute",
        "local",
        "environments",
        "settings",
        "metastore",
        "databricks.bootstrap",
        "bucket_credentials",
        "engines.java",
        "machine_cache",
        "workspace_names",
    },
    "embedded_repository": {"environments", "settings"},
    "remote": {
        "workspace_names",
        "databricks",
        "embedded",
        "embedded_compute",
        "environments",
        "settings",
        "metastore",
        "bucket_credentials",
        "partitions",
        "releases",
        "remote_settings",
    },
    "run_processes": {"databricks", "definitions"},
    "resources": {"engines", "environments", "settings", "landing", "landing_access", "remote"},
    "checks": {"engines", "tables"},
    "assets": {
        "costs",
        "workspace_names",
        "engines",
        "tables",
        "models",
        "training",
        "releases",
        "customers",
        "validation",
        "environments",
        "settings",
        "partitions",
        "checks",
        "branches",
    },
    "jobs": {"workspace_names", "assets", "checks", "branches", "partitions", "releases.run_tags"},
    "sensors": {
        "assets",
        "customers",
        "environments",
        "settings",
        "jobs",
        "landing",
        "models",
        "partitions",
        "releases",
    },
    "definitions": {"assets", "checks", "sensors", "jobs", "environments", "resources"},
}
# Packages that a layer must never know.
BANNED = {
    "flight": {"pyspark", "pysail", "dagster", "mlflow", "deltalake", "sklearn"},
    "landing": {"pyspark", "dagster", "mlflow"},
    "environments": {"pyspark", "dagster", "mlflow"},
    "settings": {"pyspark", "dagster", "mlflow"},
    "engines": {"dagster", "mlflow", "sklearn"},
    "tables": {"dagster", "mlflow", "sklearn", "boto3", "botocore"},
    "models": {"dagster", "mlflow"},
    "training": {"dagster"},
    "costs": {"dagster", "mlflow", "sklearn"},
    "releases": {"dagster"},
    "validation": {"dagster", "pyspark"},
    "releases.git": {"dagster", "pyspark", "pysail", "mlflow", "sklearn", "deltalake", "pandas", "polars"},
    "local": {"dagster", "mlflow", "sklearn"},
    "databricks": {"pyspark", "pysail", "mlflow", "sklearn", "deltalake", "pandas", "polars"},
    "embedded": {"dagster", "pyspark", "mlflow"},
    "remote": {"pyspark", "mlflow"},
    "metastore": {"pyspark", "dagster", "mlflow"},
    "assets": {"pyspark", "pysail", "mlflow", "sklearn", "deltalake"},
    "checks": {"pyspark", "pysail", "mlflow", "sklearn", "deltalake"},
    "sensors": {"pyspark", "pysail", "mlflow", "sklearn", "deltalake", "boto3", "botocore", "dagster_aws"},
}


def _modules(layer: str) -> Iterator[Path]:
    path = PACKAGE.joinpath(*layer.split("."))
    yield from path.rglob("*.py") if path.is_dir() else [path.with_suffix(".py")]


def _imports(file: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                # These are copied into tasks under another name; a relative import cannot leave its folder.
                assert (file.parent, node.level) in {(folder, 1) for folder in COPIED}, f"{file}:{node.lineno}"
                continue
            yield node.lineno, node.module or ""
            if node.module == "pipelines":
                yield from ((node.lineno, f"pipelines.{alias.name}") for alias in node.names)


def _is_within(module: str, packages: set[str]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def _wrong(layer: str) -> list[str]:
    allowed = {f"pipelines.{name}" for name in (*ALLOWED[layer], layer)}
    return [
        f"{file.relative_to(PACKAGE.parent)}:{line}: {module}"
        for file in _modules(layer)
        for line, module in _imports(file)
        if (module.startswith("pipelines.") and not _is_within(module, allowed))
        or _is_within(module, BANNED.get(layer, set()))
    ]


@pytest.mark.parametrize("layer", ALLOWED)
def test_a_layer_imports_only_what_lies_below_it(layer: str):
    assert list(_modules(layer)), f"{layer} has no module: correct the table in this test"
    assert _wrong(layer) == []


def test_every_part_of_the_package_has_its_layer():
    parts = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert parts - {"__init__", "cli"} == {layer.split(".")[0] for layer in ALLOWED}


def test_the_reader_of_imports_sees_a_breach(tmp_path: Path):
    file = tmp_path / "bad.py"
    file.write_text("def f():\n    from pyspark.sql import DataFrame\n    import pipelines.training\n")
    assert list(_imports(file)) == [(2, "pyspark.sql"), (3, "pipelines.training")]
    assert _is_within("pyspark.sql", BANNED["flight"])
    assert not _is_within("pysparkling", BANNED["flight"])
