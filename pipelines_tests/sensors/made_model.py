"""A model folder of which only the manifest matters."""

from __future__ import annotations

from typing import Any

import yaml


def manifest(name: str, **changes: Any) -> dict[str, Any]:
    """A manifest that holds together, but for `changes`."""
    return {
        "name": name,
        "owner": "flight-data-science",
        "description": "Made up.",
        "gold_tables": ["main.gold.sessions", "main.gold.flight_samples"],
        "primary_metric": "known_accuracy",
        "thresholds": {"known_accuracy": {"minimum": 0.5}},
        "required_channels": ["indicated_airspeed_kt"],
        "prediction": {
            "table": f"{name}_judgements",
            "comment": "Made up.",
            "key": ["second"],
            "columns": [{"name": "second", "type": "BIGINT", "comment": "Second.", "nullable": False}],
        },
        **changes,
    }


def model_files(name: str, **changes: Any) -> dict[str, str]:
    """The files of its folder."""
    folder = f"pipelines/models/{name}"
    return {
        f"{folder}/model.yaml": yaml.safe_dump(manifest(name, **changes)),
        f"{folder}/model.py": "raise AssertionError('definitions import no model code')\n",
    }
