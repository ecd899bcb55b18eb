"""One session file of a customer, read and cleaned: its seconds, its approaches, or why it is in quarantine."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from pipelines.customers.files import CustomerFiles
from pipelines.customers.session_maps import SessionMaps
from pipelines.landing.uploads import FileChangedError, LandedFile, LandingUnavailableError
from pipelines.tables.spreading import divide, gather, task_count

if TYPE_CHECKING:
    import pyarrow as pa

    from pipelines.engines.engine import Engine
    from pipelines.flight.formats import ParsedSession

READY, QUARANTINED, CHANGED = "ready", "quarantined", "changed"
_WORTH_SPREADING = 8 * 1024 * 1024
"""Bytes to read from which on it pays to use more than this process."""
_FIRST_SECOND, _LAST_SECOND = 0, int(datetime(9999, 12, 31, tzinfo=UTC).timestamp())
"""File systems keep times that no calendar of a table has, such as the year 300,000."""
_COLUMNS = "file_path string, session_id string, outcome string, seconds binary"


@dataclass(frozen=True)
class ReadSession:
    """What reading one file gave. `status` is READY, QUARANTINED, or CHANGED for one that is still being written."""

    file: LandedFile
    session_id: str
    status: str
    reason: str | None
    source_digest: str
    """Of all that the session's rows depend on."""
    facts: dict[str, Any]
    """Columns of the customer's `sessions`; empty unless ready."""
    approaches: list[dict[str, Any]]
    """Columns of the customer's `approaches`."""
    seconds: bytes
    """The session's rows of `flight_samples`, as an Arrow stream; empty unless ready."""

    @property
    def upload_day(self) -> date:
        """Day on which the file was written last, UTC."""
        return upload_day_of(self.file)


def read_sessions(
    engine: Engine, files: CustomerFiles, found: Sequence[LandedFile], maps: SessionMaps
) -> list[ReadSession]:
    """Read every file, in the order given; whatever is wrong with one is told in its `reason`.

    Raises:
        ColumnMapError: a column map is at fault; no file has been judged by it.
        LandingUnavailableError: the bucket cannot be used.
    """
    sizes = [file.size_bytes + 1 for file in found]
    read = partial(_outcome, files=files, maps=maps)
    if len(found) == 1 or sum(sizes) < _WORTH_SPREADING:
        rows = [row for file in found for batch in read(file) for row in batch.to_pylist()]
    else:
        parts = divide(list(found), sizes, task_count(sum(sizes), len(found)))
        rows = gather(engine, parts, read, _COLUMNS, sum(sizes))
    by_path = {row["file_path"]: row for row in rows}
    return [_read(file, by_path[file.file_path], maps) for file in found]


def upload_day_of(file: LandedFile) -> date:
    """Day on which the file was written last, UTC. Of a time that is no day of a table's, the nearest that is."""
    seconds = min(max(file.modified_ns // 10**9, _FIRST_SECOND), _LAST_SECOND)
    return datetime.fromtimestamp(seconds, UTC).date()


def _read(file: LandedFile, row: dict[str, Any], maps: SessionMaps) -> ReadSession:
    outcome = json.loads(row["outcome"])
    facts = outcome["facts"]
    if facts.get("started_at"):
        facts["started_at"] = datetime.fromisoformat(facts["started_at"])
    approaches = [
        {**approach, "session_id": row["session_id"], "upload_day": upload_day_of(file)}
        for approach in outcome["approaches"]
    ]
    session_id = row["session_id"]
    digest = maps.source_digest(session_id, facts.get("source_format"))
    return ReadSession(
        file, session_id, outcome["status"], outcome["reason"], digest, facts, approaches, row["seconds"]
    )


def _outcome(file: LandedFile, files: CustomerFiles, maps: SessionMaps) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    session_id, status, reason, facts, approaches, seconds = _tried(file, files, maps)
    outcome = json.dumps({"status": status, "reason": reason, "facts": facts, "approaches": approaches}, default=str)
    yield pa.RecordBatch.from_arrays(
        [
            pa.array([file.file_path], pa.string()),
            pa.array([session_id], pa.string()),
            pa.array([outcome], pa.string()),
            pa.array([seconds], pa.binary()),
        ],
        names=["file_path", "session_id", "outcome", "seconds"],
    )


def _tried(
    file: LandedFile, files: CustomerFiles, maps: SessionMaps
) -> tuple[str, str, str | None, dict[str, Any], list[dict[str, Any]], bytes]:
    from pipelines.flight.formats import ColumnMapError, QuarantineError, read_session
    from pipelines.flight.formats.limits import MAX_STORED_BYTES

    # Of bytes that are never read, the name and version stand for them.
    unread = sha256(f"{file.file_path}\0{file.file_version}".encode()).hexdigest()[:16]
    if file.size_bytes > MAX_STORED_BYTES:
        reason = (
            f"{file.name} has {file.size_bytes:,} bytes; a session file has at most {MAX_STORED_BYTES:,}. Export the "
            "sessions one by one."
        )
        return unread, QUARANTINED, reason, {}, [], b""
    try:
        content = files.read(file)
    except (FileChangedError, FileNotFoundError):
        reason = f"{file.name} changed while it was read: ask for it again when its upload is complete."
        return unread, CHANGED, reason, {}, [], b""
    except LandingUnavailableError:
        raise
    except OSError as error:
        return unread, CHANGED, f"{file.name} cannot be read ({error.strerror}).", {}, [], b""
    session_id = sha256(content).hexdigest()[:16]
    try:
        parsed = read_session(file.name, content, maps.places)
        digest = maps.source_digest(session_id, parsed.source_format)
        facts, approaches, seconds = _cleaned(parsed, session_id, digest, upload_day_of(file))
    except QuarantineError as error:
        return session_id, QUARANTINED, str(error), {}, [], b""
    except (ColumnMapError, LandingUnavailableError):
        raise
    except Exception as error:
        reason = (
            f"Reading {file.name} failed with {type(error).__name__}. Send the file to the maintainers of this "
            "project: no file may break a reader."
        )
        return session_id, QUARANTINED, reason, {}, [], b""
    return session_id, READY, None, facts, approaches, seconds


def _cleaned(
    parsed: ParsedSession, session_id: str, digest: str, upload_day: date
) -> tuple[dict[str, Any], list[dict[str, Any]], bytes]:
    """Facts, approaches and seconds, made by the same functions as gold's."""
    import pyarrow as pa

    from pipelines.flight.approaches import find_approaches
    from pipelines.flight.channels import CHANNEL_NAMES
    from pipelines.tables.arrow_rows import arrow_schema
    from pipelines.tables.contracts import FLIGHT_SAMPLES
    from pipelines.tables.gold_rows import seconds_of
    from pipelines.tables.session_parsing import session_facts

    samples = parsed.samples.to_pandas()
    samples.insert(0, "session_id", session_id)
    samples.insert(1, "upload_day", upload_day)
    seconds = seconds_of(samples, (), digest)
    unrecorded = set(seconds.columns[seconds.isna().all()])
    facts = {
        **session_facts(parsed),
        "second_count": len(seconds),
        "gap_share": float(seconds["is_gap"].mean()),
        "repairs": parsed.repairs,
        "missing_channels": [channel for channel in CHANNEL_NAMES if channel in unrecorded],
    }
    approaches = [asdict(one) for one in find_approaches(seconds, parsed.aircraft_type)]
    table = pa.Table.from_pandas(seconds, schema=arrow_schema(FLIGHT_SAMPLES), preserve_index=False)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return facts, [_plain(one) for one in approaches], sink.getvalue().to_pybytes()


def _plain(approach: dict[str, Any]) -> dict[str, Any]:
    """The approach in Python's own types, since NumPy's are not JSON."""
    return {name: value.item() if hasattr(value, "item") else value for name, value in approach.items()}
