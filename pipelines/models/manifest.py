"""Model manifests: what a model is, needs and promises, read from `model.yaml` without running its code.

The asset graph is built from manifests alone, so a mistake in one must be told in words that its
author can act on: the file, the key and the remedy.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from pipelines.flight.aircraft import AIRCRAFT
from pipelines.flight.channels import CHANNELS
from pipelines.flight.fast_yaml import load_yaml
from pipelines.models.gate_rules import Gates
from pipelines.models.prediction_rules import Prediction
from pipelines.tables.contract import TableName
from pipelines.tables.contracts import GOLD

MODELS_FOLDER = Path(__file__).resolve().parent
_ADDRESS = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,7}")
"""What Dagster takes for an e-mail address: with an owner that is none to it, no graph could be loaded."""


class ManifestError(ValueError):
    """A model folder that the project cannot use, with the file, the key and the remedy."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _one_or_alternatives(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Alternatives = Annotated[tuple[str, ...], BeforeValidator(_one_or_alternatives), Field(min_length=1)]
"""Channels of which one is enough; a manifest may write a single name instead of a list."""


class Threshold(_Part):
    """Bounds of one metric for a version to pass its gate; both inclusive."""

    minimum: float | None = None
    maximum: float | None = None

    @model_validator(mode="after")
    def _bounded(self) -> Threshold:
        if self.minimum is None and self.maximum is None:
            raise ValueError("give `minimum`, `maximum` or both")
        return self

    def holds(self, value: float) -> bool:
        """Whether `value` is within the bounds; a NaN never is."""
        above = self.minimum is None or value >= self.minimum
        return above and (self.maximum is None or value <= self.maximum) and value == value

    def missed_by(self, value: float) -> float | None:
        """How far `value` is outside the bounds; None if it is within."""
        if self.minimum is not None and value < self.minimum:
            return self.minimum - value
        return value - self.maximum if self.maximum is not None and value > self.maximum else None

    def __str__(self) -> str:
        limits = [f">= {self.minimum:g}"] if self.minimum is not None else []
        limits += [f"<= {self.maximum:g}"] if self.maximum is not None else []
        return " and ".join(limits)


class ChannelDropout(_Part):
    """Copies of training sessions in which channels are blanked, so that a missing one does not mislead."""

    copies: int = Field(default=1, ge=0, le=10)
    probability: float = Field(default=0.3, ge=0, le=1)


class Training(_Part):
    """How the examples are split and varied."""

    unseen_aircraft_type: str = "c182"
    channel_dropout: ChannelDropout = ChannelDropout()

    @field_validator("unseen_aircraft_type")
    @classmethod
    def _known_aircraft(cls, value: str) -> str:
        if value not in AIRCRAFT:
            raise ValueError(f"{value!r} is no known aircraft type: use one of {', '.join(AIRCRAFT)}")
        return value


class Compute(_Part):
    """What running the model needs."""

    size_class: str = Field(default="small", pattern="^(small|medium|large)$")
    time_limit_minutes: float = Field(default=120, gt=0)
    """After which a training is ended and counts as failed by the model's own code."""


class Rollout(_Part):
    """How a new version reaches customers, for the releases."""

    unit: str = Field(default="session", pattern="^(session|customer)$")
    steps_percent: tuple[float, ...] = (1, 5, 25, 50, 100)
    minimum_bake_minutes: float = Field(default=60, ge=0)
    minimum_units: int = Field(default=50, ge=0)

    @field_validator("steps_percent")
    @classmethod
    def _rising_to_all(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if not value or value[-1] != 100 or any(a >= b for a, b in zip((0, *value), value, strict=False)):
            raise ValueError("steps must rise and end at 100, for example [1, 5, 25, 50, 100]")
        return value


class Manifest(_Part):
    """One `model.yaml`."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    owner: str = Field(min_length=1)
    description: str = Field(min_length=1)
    gold_tables: tuple[str, ...] = Field(min_length=1)
    parameters: dict[str, Any] = {}
    primary_metric: str
    thresholds: dict[str, Threshold]
    required_channels: tuple[Alternatives, ...] = Field(min_length=1)
    optional_channels: tuple[str, ...] = ()
    training: Training = Training()
    prediction: Prediction
    compute: Compute = Compute()
    gates: Gates = Gates()
    rollout: Rollout = Rollout()

    @field_validator("owner")
    @classmethod
    def _team_or_address(cls, value: str) -> str:
        if "@" in value and not _ADDRESS.fullmatch(value):
            raise ValueError(
                f"{value!r} is neither a team nor an e-mail address: write it as flight-data-science or ana@example.org"
            )
        return value

    @field_validator("gold_tables")
    @classmethod
    def _gold(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        known = [str(contract.name) for contract in GOLD]
        if unknown := [name for name in value if name not in known]:
            raise ValueError(f"{', '.join(unknown)} is no gold table: use names among {', '.join(known)}")
        if str(GOLD[0].name) not in value:
            raise ValueError(f"{GOLD[0].name} is missing: every model needs it to know the sessions, add it")
        return value

    @field_validator("required_channels", "optional_channels")
    @classmethod
    def _known_channels(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        names = [name for entry in value for name in ((entry,) if isinstance(entry, str) else entry)]
        if unknown := [name for name in names if name not in CHANNELS]:
            raise ValueError(f"{', '.join(unknown)} is no channel: pipelines/flight/channels.py lists them")
        return value

    @model_validator(mode="after")
    def _agrees(self) -> Manifest:
        if self.primary_metric not in self.thresholds:
            raise ValueError(f"primary_metric {self.primary_metric!r} has no entry in thresholds: add its bound there")
        required = {name for entry in self.required_channels for name in entry}
        if both := sorted(required & set(self.optional_channels)):
            raise ValueError(f"{', '.join(both)} is required and optional: keep it in one of the two lists")
        return self

    @property
    def channels(self) -> tuple[str, ...]:
        """Every channel that the model may look at, required ones first."""
        return (*(name for entry in self.required_channels for name in entry), *self.optional_channels)

    @property
    def prediction_column_names(self) -> tuple[str, ...]:
        """The columns that the model's code fills."""
        return tuple(column.name for column in self.prediction.columns)

    @property
    def asset_dependencies(self) -> list[list[str]]:
        """Keys of the gold assets that the model is trained on."""
        return [TableName.of(name).asset_key for name in self.gold_tables]


def load_manifest(file: Path) -> Manifest:
    """The manifest in `file`.

    Raises:
        ManifestError: not YAML, a key missing, unknown or wrong, or the folder has another name.
    """
    try:
        content = load_yaml(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ManifestError(f"{file}: not readable as YAML ({error}). Correct the line that it names.") from error
    if not isinstance(content, dict):
        raise ManifestError(
            f"{file}: holds no keys. Write `name:`, `owner:` and so on; docs/adding-a-model.md shows how."
        )
    try:
        manifest = Manifest.model_validate(content)
    except ValidationError as error:
        raise ManifestError("\n".join(_sentence(file, one) for one in error.errors())) from error
    if manifest.name != file.parent.name:
        raise ManifestError(
            f"{file}: key `name` is {manifest.name!r} but the folder is {file.parent.name!r}. Give both the same name."
        )
    return manifest


def load_manifests(folder: Path = MODELS_FOLDER) -> dict[str, Manifest]:
    """Every model's manifest by name, in order of name; imports no model code.

    Raises:
        ManifestError: a manifest is wrong, a model folder has none, or two models share a prediction table.
    """
    manifests: dict[str, Manifest] = {}
    owners: dict[str, str] = {}
    for code in sorted(
        {*folder.glob("*/model.py"), *(file.with_suffix(".py") for file in folder.glob("*/model.yaml"))}
    ):
        file = code.with_suffix(".yaml")
        for needed in (file, code):
            if not needed.is_file():
                raise ManifestError(f"{needed}: missing. A model is a folder with model.yaml and model.py: add it.")
        manifest = load_manifest(file)
        table = manifest.prediction.table
        if table in owners:
            raise ManifestError(
                f"{file}: key `prediction.table` is {table!r}, which {owners[table]} writes. Choose another name."
            )
        owners[table] = manifest.name
        manifests[manifest.name] = manifest
    return manifests


def _sentence(file: Path, error: Any) -> str:
    key = ".".join(str(part) for part in error["loc"]) or "(whole file)"
    match error["type"]:
        case "missing":
            return f"{file}: key `{key}` is missing. Add it."
        case "extra_forbidden":
            return f"{file}: key `{key}` is unknown. Correct its spelling or drop it."
        case "string_pattern_mismatch":
            pattern = error["ctx"]["pattern"]
            return f"{file}: key `{key}` is {error['input']!r}. Write it so that it matches {pattern}."
    message = error["msg"].removeprefix("Value error, ")
    return f"{file}: key `{key}`: {message}."
