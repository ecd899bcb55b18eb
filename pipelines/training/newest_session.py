"""Pictures of the newest session among some: as the instructor labelled it, or as the models see it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from pipelines.models.manifest import load_manifests
from pipelines.models.prediction_tables import judgement_contract, prediction_contract
from pipelines.settings import Settings
from pipelines.tables.contract import TableContract
from pipelines.tables.contracts import APPROACHES, FLIGHT_SAMPLES, GOLD_SESSIONS, MANEUVERS
from pipelines.training.pictures import png_of, session_picture

if TYPE_CHECKING:
    import pandas as pd

    from pipelines.engines.engine import Engine

UPSET = "upset"
"""The overlay among the labels, which is no maneuver."""


def labelled_picture(engine: Engine, upload_day: date) -> bytes | None:
    """The day's newest session in gold with the instructor's labels, as PNG; None if the day has no session."""
    session = _newest(engine, f"upload_day = DATE'{upload_day.isoformat()}'")
    if session is None:
        return None
    labels = _rows(engine, MANEUVERS, session["session_id"])
    approaches = _rows(engine, APPROACHES, session["session_id"])
    maneuvers, upsets = labels.query("maneuver != @UPSET"), labels.query("maneuver == @UPSET")
    return _drawn(engine, session, maneuvers, approaches, upsets, "instructor's labels")


def analysed_picture(engine: Engine, settings: Settings, session_ids: Sequence[str]) -> bytes | None:
    """The newest of the sessions as the models see it, by the version of each that judged it last, as PNG.

    None if no model that tells maneuvers has judged any of the sessions.
    """
    ledger = judgement_contract(settings.prediction_schema)
    if not session_ids or not engine.exists(ledger.name):
        return None
    wanted = ", ".join(f"'{session_id}'" for session_id in session_ids)
    session = _newest(engine, f"session_id IN ({wanted})")
    if session is None:
        return None
    judged = _rows(engine, ledger, session["session_id"], "status = 'judged'").sort_values("predicted_at")
    versions = dict(zip(judged["model_name"], judged["model_version"], strict=True))
    segments, told_by = None, ""
    upsets: pd.DataFrame | None = None
    for manifest in load_manifests().values():
        contract = prediction_contract(manifest, settings.prediction_schema)
        version = versions.get(f"{settings.model_schema}.{manifest.name}")
        if version is None or not {"start_second", "end_second"} <= set(contract.column_names):
            continue
        found = _rows(engine, contract, session["session_id"], f"model_version = {int(version)}")
        if "maneuver" in contract.column_names:
            segments, told_by = found, f"{manifest.name} version {version}"
        else:
            upsets = found
    if segments is None:
        return None
    approaches = _rows(engine, APPROACHES, session["session_id"])
    return _drawn(engine, session, segments, approaches, upsets, f"maneuvers as {told_by} sees them")


def _newest(engine: Engine, condition: str) -> dict[str, Any] | None:
    columns = ("session_id", "started_at", "aircraft_type", "airframe_name")
    rows = [row.asDict() for row in engine.table(GOLD_SESSIONS.name).where(condition).select(*columns).collect()]
    return max(rows, key=lambda row: (str(row["started_at"] or ""), row["session_id"]), default=None)


def _rows(engine: Engine, contract: TableContract, session_id: str, condition: str = "true") -> pd.DataFrame:
    return engine.table(contract.name).where(f"session_id = '{session_id}' AND {condition}").toPandas()


def _drawn(
    engine: Engine,
    session: dict[str, Any],
    segments: pd.DataFrame,
    approaches: pd.DataFrame,
    upsets: pd.DataFrame | None,
    what: str,
) -> bytes:
    samples = _rows(engine, FLIGHT_SAMPLES, session["session_id"]).sort_values("second", ignore_index=True)
    aircraft = session["aircraft_type"] or session["airframe_name"] or "unknown aircraft"
    title = f"Session {session['session_id']} ({aircraft}): {what}"
    return png_of(session_picture(samples, segments, approaches, upsets, title))
