"""Instructors' annotation files: from the landing zone to `main.silver.annotations`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Any

from pipelines.landing.address import Address
from pipelines.tables.arrow_rows import arrow_schema, rows_to_arrow
from pipelines.tables.contract_guard import ensure_tables
from pipelines.tables.contracts import ANNOTATION_FILES, ANNOTATIONS
from pipelines.tables.digests import digest_files
from pipelines.tables.history import current_version
from pipelines.tables.ingest_report import DeferredFile, IngestReport, QuarantinedFile
from pipelines.tables.landed_files import (
    FileChangedError,
    LandedFile,
    LandingUnavailableError,
    list_landed,
    read_as_listed,
)
from pipelines.tables.ledger import Entry, accepted_files, finished_versions, record
from pipelines.tables.retries import until_committed
from pipelines.tables.session_parsing import Refusal, growing
from pipelines.tables.spreading import divide, spread, task_count

if TYPE_CHECKING:
    import pyarrow as pa

    from pipelines.engines.engine import Engine

MAX_ANNOTATION_BYTES = 16 * 1024 * 1024
"""An annotation file has a line per maneuver: one of more bytes than this is something else."""

_ROW_COLUMNS = ("row_number", "session_file", "start_s", "end_s", "maneuver", "instructor", "comment")
_REFUSAL_COLUMNS = ("code", "reason", "location", "remedy")


def ingest_annotations(engine: Engine, landing: Address, upload_day: date, run_id: str) -> IngestReport:
    """Bring the new annotation files of `<landing>/annotations/<upload_day>/` to silver.

    As with sessions, the ledger is written last. The rows of a file are merged by its digest, so that a run
    that died before the ledger's commit leaves nothing that the next one would double.

    Raises:
        ContractViolationError: a table is not what its contract says; nothing has been written.
    """
    report = IngestReport(upload_day)
    ensure_tables(engine, ANNOTATION_FILES, ANNOTATIONS)
    with engine.exclusive(ANNOTATION_FILES.name):
        files = list_landed(landing / "annotations", upload_day)
        finished = finished_versions(engine, ANNOTATION_FILES, upload_day) if files else set()
        new = [file for file in files if (file.file_path, file.file_version) not in finished]
        report.listed, report.known = len(files), len(files) - len(new)
        if new:
            _ingest(engine, new, upload_day, run_id, report)
        for contract in (ANNOTATION_FILES, ANNOTATIONS):
            report.table_versions[str(contract.name)] = current_version(engine, contract.name)
    return report


def _ingest(engine: Engine, files: list[LandedFile], upload_day: date, run_id: str, report: IngestReport) -> None:
    entries: list[Entry] = []

    def quarantine(file: LandedFile, digest: str | None, refusal: Refusal) -> None:
        code, reason = refusal.code or "", refusal.reason or ""
        entries.append(Entry(file, digest, "quarantined", code, reason, refusal.location, refusal.remedy))
        report.quarantined.append(QuarantinedFile(file.file_path, code, reason, refusal.location, refusal.remedy))

    readable = [file for file in files if file.size_bytes <= MAX_ANNOTATION_BYTES]
    for file in files:
        if file.size_bytes > MAX_ANNOTATION_BYTES:
            reason = f"{file.name} has {file.size_bytes:,} bytes; an annotation file has at most 16 MiB."
            quarantine(file, None, Refusal("too_large", reason, "file", "Upload session files under sessions/."))
    by_digest: dict[str, list[LandedFile]] = {}
    for each in digest_files(engine, readable):
        if each.is_growing:
            quarantine(each.file, None, growing(each.file))
        elif each.digest is None:
            report.deferred.append(DeferredFile(each.file.file_path, each.failure or "not readable"))
        else:
            by_digest.setdefault(each.digest, []).append(each.file)
    known = accepted_files(engine, ANNOTATION_FILES, set(by_digest))
    unknown = {digest: same[0] for digest, same in by_digest.items() if digest not in known}
    rows, refusals = _read(engine, unknown, upload_day)
    if rows:
        until_committed(lambda: _merge(engine, rows))
    counts = dict.fromkeys(unknown, 0)
    for row in rows:
        counts[row["content_digest"]] += 1
    for digest, same in sorted(by_digest.items()):
        if digest in refusals:
            if refusals[digest].code is None:
                reason = "it changed or went away while it was read: the next run takes it"
                report.deferred += [DeferredFile(file.file_path, reason) for file in same]
            else:
                for file in same:
                    quarantine(file, digest, refusals[digest])
            continue
        original = known[digest]["file_path"] if digest in known else same[0].file_path
        if digest not in known:
            entries.append(Entry(same[0], digest, "accepted", details={"annotation_count": counts[digest]}))
            report.accepted += 1
            same = same[1:]
        for file in same:
            entries.append(Entry(file, digest, "duplicate", reason=f"Same bytes as {original}."))
            report.duplicates += 1
    report.row_count = len(rows)
    if entries:
        until_committed(lambda: record(engine, ANNOTATION_FILES, upload_day, entries, run_id))


def _merge(engine: Engine, rows: list[dict[str, Any]]) -> None:
    engine.merge(
        ANNOTATIONS.name,
        "t.upload_day = s.upload_day AND t.content_digest = s.content_digest AND t.row_number = s.row_number",
        "WHEN NOT MATCHED THEN INSERT *",
        engine.spark.createDataFrame(rows_to_arrow(ANNOTATIONS, rows)),
    )


def _read(
    engine: Engine, files: dict[str, LandedFile], upload_day: date
) -> tuple[list[dict[str, Any]], dict[str, Refusal]]:
    """The rows of all those files (by digest), and the refusals of the others."""
    if not files:
        return [], {}
    parts = divide(list(files.items()), [file.size_bytes + 1 for file in files.values()], task_count(0, len(files)))
    types = {column.name: column.type for column in ANNOTATIONS.columns}
    columns = [f"content_digest {types['content_digest']}"]
    columns += [f"{name} {types[name]}" for name in _ROW_COLUMNS]
    columns += [f"{name} STRING" for name in _REFUSAL_COLUMNS]
    read = spread(engine, parts, _rows_of, ", ".join(columns)).toArrow().to_pylist()
    rows: list[dict[str, Any]] = []
    refusals: dict[str, Refusal] = {}
    for row in read:
        refusal = Refusal(*(row.pop(name) for name in _REFUSAL_COLUMNS))
        if row["row_number"] is None:
            refusals[row["content_digest"]] = refusal
        else:
            rows.append({**row, "upload_day": upload_day})
    # A file of a header alone says nothing and is no error: it is in neither.
    return rows, refusals


def _rows_of(item: tuple[str, LandedFile]) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    from pipelines.flight.formats import QuarantineError, read_annotations

    digest, file = item
    refusal: Refusal | None = None
    frame = None
    try:
        frame = read_annotations(file.name, read_as_listed(file))
    except QuarantineError as error:
        refusal = Refusal(error.code, error.reason, error.location, error.remedy)
    except (FileChangedError, OSError):
        refusal = Refusal(None, None, None, None)
    except LandingUnavailableError:
        raise
    except Exception as error:
        reason = f"Reading {file.name} failed with {type(error).__name__}: {error}"
        refusal = Refusal("reader_failed", reason, "file", "Send the file to the maintainers of this project.")
    count = 1 if frame is None else frame.height
    values: dict[str, list[Any]] = {"content_digest": [digest] * count}
    for name in _ROW_COLUMNS:
        values[name] = [None] * count if frame is None or name == "row_number" else frame[name].to_list()
    if frame is not None:
        values["row_number"] = list(range(1, count + 1))
    for name in _REFUSAL_COLUMNS:
        values[name] = [getattr(refusal, name)] * count if refusal else [None] * count
    types = {field.name: field.type for field in arrow_schema(ANNOTATIONS)}
    yield pa.RecordBatch.from_arrays(
        [pa.array(values[name], types.get(name, pa.string())) for name in values], names=list(values)
    )
