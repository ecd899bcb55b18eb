"""The partitions of the asset graph: one per upload day, in UTC, today included; per release; per customer."""

from __future__ import annotations

from datetime import UTC, date, datetime

import dagster as dg

from pipelines.environments import first_upload_day

UPLOAD_DAYS = dg.DailyPartitionsDefinition(start_date=first_upload_day().isoformat(), timezone="UTC", end_offset=1)

RELEASES = dg.DynamicPartitionsDefinition(name="releases")
"""A partition per commit that was released, or asked to be."""

CUSTOMERS = dg.DynamicPartitionsDefinition(name="customers")
"""A partition per customer, by identifier; onboarding adds it and offboarding takes it away."""


def today() -> date:
    """The upload day of what arrives now."""
    return datetime.now(UTC).date()
