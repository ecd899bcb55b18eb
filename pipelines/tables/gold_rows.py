"""The computations of gold that run on Spark, a session at a time."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pipelines.flight.channels import CHANNEL_NAMES
from pipelines.tables.contract import TableContract
from pipelines.tables.contracts import APPROACHES, FLIGHT_SAMPLES, SAMPLES
from pipelines.tables.labels import Label, paint
from pipelines.tables.pending import PendingSession
from pipelines.tables.selecting import in_list

if TYPE_CHECKING:
    import pandas
    from pyspark.sql import DataFrame

    from pipelines.engines.engine import Engine


def flight_sample_rows(engine: Engine, sessions: list[PendingSession]) -> DataFrame:
    """The cleaned and labelled seconds of the sessions, as rows of `main.gold.flight_samples`."""
    sources = {session.session_id: (session.labels, session.source_digest) for session in sessions}

    def refine(samples: pandas.DataFrame) -> pandas.DataFrame:
        labels, source_digest = sources[samples["session_id"].iloc[0]]
        return seconds_of(samples, labels, source_digest)

    samples = _rows_of(engine, SAMPLES, sessions).select(
        "session_id", "upload_day", "sample_index", "elapsed_s", *CHANNEL_NAMES
    )
    return samples.groupBy("session_id").applyInPandas(refine, _schema(FLIGHT_SAMPLES))


def seconds_of(samples: pandas.DataFrame, labels: tuple[Label, ...], source_digest: str) -> pandas.DataFrame:
    """One session's samples as one row per whole second, by the rules of `pipelines.flight.cleaning`."""
    import numpy as np
    import pandas as pd

    from pipelines.flight.cleaning import nearest_samples, within_range

    samples = samples.sort_values("sample_index", kind="stable")
    nearest = nearest_samples(samples["elapsed_s"].to_numpy(dtype=np.float64))
    seconds = len(nearest)
    is_gap = nearest < 0
    columns: dict[str, Any] = {
        "session_id": samples["session_id"].iloc[0],
        "upload_day": samples["upload_day"].iloc[0],
        "second": np.arange(seconds, dtype=np.int64),
        "is_gap": is_gap,
    }
    for channel in CHANNEL_NAMES:
        values = samples[channel].to_numpy(dtype=np.float64)[nearest]
        columns[channel] = np.where(is_gap, np.nan, within_range(channel, values))
    names = np.array([*(label.maneuver for label in labels), None], dtype=object)
    columns["maneuver"] = names[paint(labels, seconds, upsets=False)]
    upsets = paint(labels, seconds, upsets=True) >= 0
    columns["is_upset"] = upsets.astype(object) if labels else np.full(seconds, None, dtype=object)
    columns["source_digest"] = source_digest
    return pd.DataFrame(columns)


def approach_rows(engine: Engine, sessions: list[PendingSession]) -> list[dict[str, Any]]:
    """The approaches found in the gold seconds of the sessions, as rows of `main.gold.approaches`."""
    types = {session.session_id: session.facts["aircraft_type"] for session in sessions}

    def find(seconds: pandas.DataFrame) -> pandas.DataFrame:
        import pandas as pd

        from pipelines.flight.approaches import find_approaches

        ordered = seconds.sort_values("second", kind="stable").reset_index(drop=True)
        session_id, upload_day = ordered["session_id"].iloc[0], ordered["upload_day"].iloc[0]
        found = [
            {"session_id": session_id, "upload_day": upload_day, **asdict(approach)}
            for approach in find_approaches(ordered, types[session_id])
        ]
        return pd.DataFrame(found, columns=pd.Index(APPROACHES.column_names)).astype(
            {name: object for name in APPROACHES.column_names if name not in _WHOLE_NUMBERS}
        )

    seconds = _rows_of(engine, FLIGHT_SAMPLES, sessions).select("session_id", "upload_day", "second", *CHANNEL_NAMES)
    rows = seconds.groupBy("session_id").applyInPandas(find, _schema(APPROACHES)).toArrow().to_pylist()
    return sorted(rows, key=lambda row: (row["session_id"], row["approach"]))


_WHOLE_NUMBERS = ("approach", "start_second", "gate_second", "end_second")


def _rows_of(engine: Engine, contract: TableContract, sessions: list[PendingSession]) -> DataFrame:
    days = in_list("upload_day", {session.upload_day for session in sessions})
    ids = in_list("session_id", {session.session_id for session in sessions})
    return engine.table(contract.name).where(f"{days} AND {ids}")


def _schema(contract: TableContract) -> str:
    return ", ".join(f"{column.name} {column.type}" for column in contract.columns)
