"""The `prediction` section of a manifest: the table of predictions, and the columns that the model's code fills."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

_COLUMN_TYPES = ("STRING", "BIGINT", "DOUBLE", "BOOLEAN", "ARRAY<STRING>", "TIMESTAMP", "DATE")
_COMMON_COLUMNS = ("session_id", "upload_day", "model_name", "model_version", "predicted_at")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PredictionColumn(_Part):
    """A column of the prediction table, beside those that every prediction table has."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    type: str
    comment: str = Field(min_length=1)
    nullable: bool = True

    @field_validator("type")
    @classmethod
    def _known_type(cls, value: str) -> str:
        if value not in _COLUMN_TYPES:
            raise ValueError(f"{value!r} is not a type for predictions: use one of {', '.join(_COLUMN_TYPES)}")
        return value


class Prediction(_Part):
    """The table of predictions. `key` is unique within one session and model version."""

    table: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    comment: str = Field(min_length=1)
    key: tuple[str, ...] = Field(min_length=1)
    columns: tuple[PredictionColumn, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _columns_fit(self) -> Prediction:
        names = [column.name for column in self.columns]
        if twice := sorted({name for name in names if names.count(name) > 1 or name in _COMMON_COLUMNS}):
            raise ValueError(f"columns {', '.join(twice)} are given twice or are in every prediction table: drop them")
        if unknown := sorted(set(self.key) - set(names)):
            raise ValueError(f"key names {', '.join(unknown)}, which is no column: add the column or drop it from key")
        return self
