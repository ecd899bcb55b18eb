"""Rows of a customer's tables for one session drawn by hand, shaped as the contracts say."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Any

import pandas as pd

from pipelines.flight.approaches import find_approaches
from pipelines.tables.contracts.customers import (
    analysis_contract,
    approaches_contract,
    judgements_contract,
    sessions_contract,
)
from pipelines_tests.flight.flown_session import FlownSession

SCHEMA = "prod.customer_acme"
NOW = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)


def session_row(**changes: Any) -> dict[str, Any]:
    """A ready session's row of `sessions`."""
    row: dict[str, Any] = {
        "session_id": "0123456789abcdef",
        "upload_day": date(2026, 3, 4),
        "file_name": "lesson 7.csv",
        "file_version": "1-1",
        "status": "ready",
        "reason": None,
        "source_format": "garmin",
        "device_kind": "aircraft",
        "airframe_name": "Cessna 172S",
        "aircraft_type": "c172s",
        "started_at": datetime(2026, 3, 3, 9, 30, tzinfo=UTC),
        "duration_s": 400.0,
        "second_count": 401,
        "gap_share": 0.0,
        "repairs": ["The last row was cut off; it was left out."],
        "missing_channels": ["flaps_deg"],
        "source_digest": "feed",
        "request_id": "request-1",
        "ingested_at": NOW,
    }
    assert set(row) == set(sessions_contract(SCHEMA).column_names)
    assert set(changes) <= set(row)
    return row | changes


def unstable_then_stable() -> pd.DataFrame:
    """Two circuits; on the first final 90 kt are flown, 17 kt above what a Cessna 172S is allowed."""
    return FlownSession().circuit().final(90).fly(60, 1000, 75).fly(30, 1000, 65).final().full_stop().samples()


def approach_rows(samples: pd.DataFrame, aircraft_type: str | None = "c172s") -> pd.DataFrame:
    """The approaches of the seconds, as rows of `approaches`."""
    found = [
        {"session_id": "0123456789abcdef", "upload_day": date(2026, 3, 4), **asdict(approach)}
        for approach in find_approaches(samples, aircraft_type)
    ]
    return pd.DataFrame(found, columns=pd.Index(approaches_contract(SCHEMA).column_names))


def finding(model: str, number: int, kind: str, **values: Any) -> dict[str, Any]:
    """A row of `analysis`."""
    row = {
        "session_id": "0123456789abcdef",
        "model": model,
        "model_version": 3,
        "finding": number,
        "kind": kind,
        "start_second": None,
        "end_second": None,
        "label": None,
        "score": None,
        "is_stable": None,
        "failed_criteria": [],
        "details": json.dumps(values.pop("row", {})),
        "plan_revision": 12,
        "route_reason": "champion",
        "request_id": "request-1",
        "analysed_at": NOW,
    }
    assert set(values) <= set(row)
    return row | values


def analysis_rows(*rows: dict[str, Any]) -> pd.DataFrame:
    """Rows of `analysis` as the table gives them."""
    return pd.DataFrame(list(rows), columns=pd.Index(analysis_contract(SCHEMA).column_names))


def judgement_rows(*models: str, **changes: Any) -> pd.DataFrame:
    """Rows of `analysed_sessions`, one for each model."""
    rows = [
        {
            "session_id": "0123456789abcdef",
            "model": model,
            "model_version": 3,
            "status": "judged",
            "reason": None,
            "finding_count": 1,
            "source_digest": "feed",
            "plan_revision": 12,
            "route_reason": "champion",
            "request_id": "request-1",
            "analysed_at": NOW,
        }
        | changes
        for model in models
    ]
    return pd.DataFrame(rows, columns=pd.Index(judgements_contract(SCHEMA).column_names))
