"""The environment `databricks` as this repository's own files describe it, without any credential."""

from __future__ import annotations

from pathlib import Path

from pipelines.workspace_names import LOCATIONS

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
ON_DATABRICKS = {
    "PIPELINES_ENVIRONMENT": "databricks",
    **{f"PIPELINES_{name.upper()}": str(DEPLOY / f"{name}.yaml") for name in LOCATIONS},
}
"""Environment variables of a process that launches steps there."""
