"""The option value of an upload day."""

from __future__ import annotations

from datetime import date
from typing import Any

import click

from pipelines.environments import current_settings
from pipelines.partitions import today


class _UploadDay(click.ParamType):
    name = "YYYY-MM-DD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        day = value if isinstance(value, date) else self._read(value, param, ctx)
        # The days that there are partitions of (`pipelines.partitions`): Dagster takes others, and fails in the steps.
        first, last = current_settings().first_upload_day, today()
        if day < first:
            self.fail(
                f"{day} is before the first upload day, {first}: name a later one, or set PIPELINES_FIRST_UPLOAD_DAY.",
                param,
                ctx,
            )
        if day > last:
            self.fail(f"{day} is in the future: name a day up to today, {last} (UTC).", param, ctx)
        return day

    def _read(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no day: write it as 2026-01-31.", param, ctx)


UPLOAD_DAY = _UploadDay()
"""A day on which files may have arrived: from the environment's first upload day to today."""
