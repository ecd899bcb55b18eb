"""The script that customers' requests are measured against: session files in, the same rows out, and nothing else.

It parses and cleans with the same readers, loads each model's file once, predicts with the models' own code and writes
the same rows into five Delta tables. What it leaves out is what a script may leave out: a daemon, a queue, a
workspace, principals, locks, retries, a ledger that is asked first, plans that choose versions, and answers.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.customers.findings import findings
from pipelines.customers.folder_files import FolderFiles
from pipelines.customers.review import review_page
from pipelines.customers.session_maps import SessionMaps
from pipelines.customers.session_reading import ReadSession, read_sessions
from pipelines.engines import open_engine
from pipelines.models.manifest import load_manifests
from pipelines.models.protocol import load_model_code
from pipelines.settings import Settings
from pipelines.tables.arrow_rows import rows_to_arrow
from pipelines.tables.contract import TableContract, TableName
from pipelines.tables.contracts.customers import customer_contracts
from pipelines.tables.pending import source_digest
from pipelines.training.inference import predictions_of
from pipelines.training.registry import saved_estimator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import DataFrame

_SESSIONS, _SAMPLES, _APPROACHES, _ANALYSIS, _JUDGED, _ = customer_contracts("prod.customer_script")
_ASKED = {"plan_revision": 1, "route_reason": "champion", "request_id": "script"}


@dataclass
class Script:
    """A warm process: engine open, packages imported. `seconds` sums the parts of what it did."""

    settings: Settings
    folder: Path
    """For its tables."""
    versions: Mapping[str, int]
    """The version of each model that serves."""
    seconds: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.engine = open_engine(self.settings.engine, self.folder / "none")

    def analysed(self, root: Path, names: Sequence[str], draws: bool = False) -> int:
        """Analyse the files `<root>/sessions/<name>`; the number of rows found. `draws`: review pages as well."""
        self.seconds = {}
        start = time.perf_counter()
        read = self._read(root, names)
        start = self._note("parsing and cleaning", start)
        seconds = self._written(read)
        start = self._note("writing rows", start)
        models = {name: saved_estimator(self.settings, name, version) for name, version in self.versions.items()}
        start = self._note("loading the models", start)
        rows = [row for name, saved in models.items() for row in self._predicted(name, saved, seconds)]
        start = self._note("predicting", start)
        judged = self._found(read, rows)
        start = self._note("writing rows", start)
        if draws:
            self._draw(read, rows, judged)
            self._note("review pages", start)
        return len(rows)

    def stop(self) -> None:
        """End its engine."""
        self.engine.stop()

    def _note(self, part: str, start: float) -> float:
        now = time.perf_counter()
        self.seconds[part] = self.seconds.get(part, 0.0) + now - start
        return now

    def _read(self, root: Path, names: Sequence[str]) -> list[ReadSession]:
        files = FolderFiles(root)
        found = [file for name in names if (file := files.look(f"sessions/{name}")) is not None]
        assert len(found) == len(names), "session files are missing"
        read = read_sessions(self.engine, files, found, SessionMaps())
        ready = [one for one in read if one.status == "ready"]
        assert ready, "no session file could be read"
        return ready  # a cut of a recording may hold too little of it, here and in the product

    def _written(self, read: Sequence[ReadSession]) -> dict[str, DataFrame]:
        """The sessions' rows, also as tables for the models."""
        import pyarrow as pa
        from pyarrow import parquet

        seconds = pa.concat_tables([pa.ipc.open_stream(one.seconds).read_all() for one in read])
        self._append(_SAMPLES, seconds)
        approaches = [row for one in read for row in one.approaches]
        now = datetime.now(UTC)
        sessions = rows_to_arrow(_SESSIONS, [_session_row(one, now) for one in read])
        self._append(_APPROACHES, rows_to_arrow(_APPROACHES, approaches))
        self._append(_SESSIONS, sessions)
        given = self.folder / "given"
        shutil.rmtree(given, ignore_errors=True)
        frames = {}
        for name, rows in (("flight_samples", seconds), ("sessions", sessions),
                           ("approaches", rows_to_arrow(_APPROACHES, approaches))):  # fmt: skip
            (given / name).mkdir(parents=True)
            parquet.write_table(rows, given / name / "rows.parquet")
            frames[name] = self.engine.spark.read.parquet(str(given / name))
        frames["sessions"] = frames["sessions"].selectExpr("*", "CAST(0 AS DOUBLE) AS labelled_share")
        return frames

    def _predicted(self, name: str, saved: bytes, frames: Mapping[str, DataFrame]) -> Iterator[dict[str, Any]]:
        manifest = load_manifests()[name]
        tables = {
            table: frames[table] for full in manifest.gold_tables if (table := TableName.of(full).table) in frames
        }
        features = load_model_code(name).features(tables, manifest.parameters)
        predicted = predictions_of(manifest, features, saved).toArrow().to_pylist()
        starts = {
            (row["session_id"], row["approach"]): row["start_second"]
            for row in frames["approaches"].select("session_id", "approach", "start_second").toArrow().to_pylist()
        }
        for each in findings(manifest, predicted, starts).values():
            yield from ({**row, "model_version": self.versions[name]} for row in each)

    def _found(self, read: Sequence[ReadSession], rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        now = datetime.now(UTC)
        self._append(_ANALYSIS, rows_to_arrow(_ANALYSIS, [{**row, **_ASKED, "analysed_at": now} for row in rows]))
        count: dict[tuple[str, str], int] = {}
        for row in rows:
            key = row["session_id"], row["model"]
            count[key] = count.get(key, 0) + 1
        judged = [
            {
                "session_id": one.session_id, "model": name, "model_version": version, "status": "judged",
                "reason": None, "finding_count": count.get((one.session_id, name), 0),
                "source_digest": source_digest(one.session_id, ()), **_ASKED, "analysed_at": now,
            }
            for one in read
            for name, version in self.versions.items()
        ]  # fmt: skip
        self._append(_JUDGED, rows_to_arrow(_JUDGED, judged))
        return judged

    def _append(self, contract: TableContract, rows: Any) -> None:
        from deltalake import write_deltalake

        write_deltalake(str(self.folder / contract.name.table), rows, mode="append")

    def _draw(self, read: Sequence[ReadSession], rows: Sequence[dict[str, Any]], judged: Sequence[Any]) -> None:
        found: dict[str, list[dict[str, Any]]] = {}
        for row in rows:
            found.setdefault(row["session_id"], []).append(row)
        ledger: dict[str, list[dict[str, Any]]] = {}
        for row in judged:
            ledger.setdefault(row["session_id"], []).append(row)
        now = datetime.now(UTC)
        parts = [(one, now, found.get(one.session_id, []), ledger[one.session_id]) for one in read]
        in_processes = self.engine.processes is not None and len(parts) > 1
        pages = self.engine.processes.map(_page, parts) if self.engine.processes and in_processes else map(_page, parts)
        target = self.folder / "reviews"
        target.mkdir(exist_ok=True)
        for session_id, page in pages:
            (target / f"{session_id}.html").write_text(page, encoding="utf-8")


def _session_row(one: ReadSession, now: datetime) -> dict[str, Any]:
    return {
        **one.facts,
        "session_id": one.session_id,
        "upload_day": one.upload_day,
        "file_name": one.file.name,
        "file_version": one.file.file_version,
        "status": one.status,
        "reason": None,
        "source_digest": source_digest(one.session_id, ()),
        "request_id": "script",
        "ingested_at": now,
    }


def _page(part: tuple[ReadSession, datetime, list[dict[str, Any]], list[dict[str, Any]]]) -> tuple[str, str]:
    import pandas as pd
    import pyarrow as pa

    one, now, rows, judged = part
    found = [{**row, **_ASKED, "analysed_at": now} for row in rows]
    tables = (
        pa.ipc.open_stream(one.seconds).read_all().to_pandas(),
        rows_to_arrow(_APPROACHES, one.approaches).to_pandas(),
        rows_to_arrow(_ANALYSIS, found).to_pandas(),
        rows_to_arrow(_JUDGED, judged).to_pandas(),
    )
    [session] = pd.DataFrame(rows_to_arrow(_SESSIONS, [_session_row(one, now)]).to_pandas()).to_dict("records")
    return one.session_id, review_page({str(name): value for name, value in session.items()}, *tables)
