"""The `gates` section of a manifest: what a version must hold beside its thresholds."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, field_validator

SLICED_BY = ("aircraft_type", "source_format", "customer")
"""What sessions can be sliced by, as far as `main.gold.sessions` has such a column."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SliceRules(_Part):
    """How a version is compared with the champion on parts of the held-out sessions."""

    by: tuple[str, ...] = ("aircraft_type", "source_format", "customer")
    margin: float = Field(default=0.1, ge=0)
    minimum_sessions: int = Field(default=5, ge=2)

    @field_validator("by")
    @classmethod
    def _known_slices(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [name for name in value if name not in SLICED_BY]:
            raise ValueError(f"{', '.join(unknown)} is nothing to slice by: use {', '.join(SLICED_BY)}")
        return value


class Budgets(_Part):
    """What the registered artifact may cost: time of one core, in a process of its own."""

    predict_milliseconds: float = Field(default=500, gt=0)
    load_seconds: float = Field(default=10, gt=0)
    size_megabytes: float = Field(default=50, gt=0)


class Gates(_Part):
    """What a version must hold beside its thresholds before it reaches customers.

    `margin` is how much worse than the champion the primary metric may be, in its own unit. `inputs: with_code` is
    for a model whose only caller is the code of its own release, which computes the new features as well.
    """

    on_failure: str = Field(default="stop_release", pattern="^(stop_release|keep_champion)$")
    approval: str = Field(default="none", pattern="^(none|person)$")
    margin: float = Field(default=0.05, ge=0)
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    minimum_sessions: int = Field(default=3, ge=2)
    inputs: str = Field(default="as_before", pattern="^(as_before|with_code)$")
    slices: SliceRules = SliceRules()
    budgets: Budgets = Budgets()
