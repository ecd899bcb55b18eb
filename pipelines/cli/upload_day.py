"""The option value of an upload day."""

from __future__ import annotations

from datetime import date
from typing import Any

import click


class _UploadDay(click.ParamType):
    name = "YYYY-MM-DD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no day: write it as 2026-01-31.", param, ctx)


UPLOAD_DAY = _UploadDay()
