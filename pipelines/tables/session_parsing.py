"""The parse pass: session files become rows of `main.silver.samples`, on Spark's workers, a session at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.tables.appending import append_spread
from pipelines.tables.contracts import SAMPLES
from pipelines.tables.landed_files import FileChangedError, LandedFile, LandingUnavailableError, read_as_listed
from pipelines.tables.spreading import divide, divide_for, gather, task_count

if TYPE_CHECKING:
    import pyarrow as pa

    from pipelines.engines.engine import Engine
    from pipelines.flight.formats import ParsedSession

_COST_OF_A_FILE = 1024 * 1024
"""What reading a file takes however small it is, as bytes that take as long."""

_FILES_AT_ONCE, _BYTES_AT_ONCE = 6, 16 * 1024 * 1024
"""What is read together: see `pipelines.flight.formats.read.read_sessions`."""

_REFUSAL_SCHEMA = "position bigint, code string, reason string, location string, remedy string"


@dataclass(frozen=True)
class SessionFile:
    """A file whose bytes are a session that no table holds yet."""

    session_id: str
    file: LandedFile


@dataclass(frozen=True)
class Refusal:
    """Why a file gave no session. `code` is None if it would give one now: it changed between two readings."""

    code: str | None
    reason: str | None
    location: str | None
    remedy: str | None


def append_samples(
    engine: Engine, sessions: list[SessionFile], upload_day: date, maps: tuple[Path, ...], metadata: str
) -> dict[str, str]:
    """Append the samples of all those sessions in one commit; files that must be quarantined give no rows.

    Tasks get neighbouring session ids, so that each file of the table covers a narrow range of them. Returns the
    `parse_report` of each session that has samples now, by its id.
    """
    ordered = sorted(sessions, key=lambda session: session.session_id)
    sizes = [session.file.size_bytes for session in ordered]
    parts = divide_for(engine, ordered, [size + _COST_OF_A_FILE for size in sizes], sum(sizes))
    groups = [_groups(part) for part in parts]
    work = partial(_samples_of, upload_day=upload_day, maps=maps)
    reports = append_spread(engine, SAMPLES, groups, work, metadata, sum(sizes), ("session_id", "parse_report"))
    return _reports_in_table(engine, ordered, upload_day) if reports is None else reports


def _reports_in_table(engine: Engine, sessions: list[SessionFile], upload_day: date) -> dict[str, str]:
    wanted = ", ".join(f"'{session.session_id}'" for session in sessions)
    day = f"DATE'{upload_day.isoformat()}'"
    rows = (
        engine.table(SAMPLES.name)
        .where(f"upload_day = {day} AND session_id IN ({wanted}) AND parse_report IS NOT NULL")
        .select("session_id", "parse_report")
        .toArrow()
    )
    return {row["session_id"]: row["parse_report"] for row in rows.to_pylist()}


def explain_refusals(engine: Engine, files: list[LandedFile], maps: tuple[Path, ...]) -> list[Refusal]:
    """Why each of these files gave no session, in the order given."""
    if not files:
        return []
    sizes = [file.size_bytes + 1 for file in files]
    parts = divide(list(enumerate(files)), sizes, task_count(sum(sizes), len(files)))
    rows = gather(engine, parts, partial(_refusal_of, maps=maps), _REFUSAL_SCHEMA, sum(sizes))
    return [
        Refusal(row["code"], row["reason"], row["location"], row["remedy"])
        for row in sorted(rows, key=lambda row: row["position"])
    ]


def session_facts(parsed: ParsedSession) -> dict[str, Any]:
    """The columns of `SESSION_FACTS` of a parsed session, as JSON has them."""
    return {
        "source_format": parsed.source_format,
        "device_kind": parsed.device_kind,
        "airframe_name": parsed.airframe_name,
        "aircraft_type": parsed.aircraft_type,
        "started_at": parsed.started_at.isoformat() if parsed.started_at else None,
        "duration_s": parsed.duration_s,
    }


def parse_report(parsed: ParsedSession, file_path: str) -> str:
    """What reading a session's file met, as the JSON that stands on its first sample."""
    return json.dumps(
        {
            "file_path": file_path,
            **session_facts(parsed),
            "sample_count": parsed.sample_count,
            "dropped_rows": parsed.dropped_rows,
            "repairs": parsed.repairs,
            "missing_channels": parsed.missing_channels,
        }
    )


def _groups(sessions: list[SessionFile]) -> list[list[SessionFile]]:
    """The sessions as they are read together: a few at a time, as long as they are small."""
    groups: list[list[SessionFile]] = []
    size = 0
    for session in sessions:
        if not groups or len(groups[-1]) == _FILES_AT_ONCE or size + session.file.size_bytes > _BYTES_AT_ONCE:
            groups.append([])
            size = 0
        groups[-1].append(session)
        size += session.file.size_bytes
    return groups


def _samples_of(sessions: list[SessionFile], upload_day: date, maps: tuple[Path, ...]) -> Iterator[pa.RecordBatch]:
    from pipelines.flight.formats import read_sessions

    # Whatever is wrong with one file, the others go on; `explain_refusals` tells what it was.
    read = [(session, content) for session in sessions if (content := _content(session.file)) is not None]
    found = read_sessions([(session.file.name, content) for session, content in read], maps)
    for (session, _), parsed in zip(read, found, strict=True):
        if not isinstance(parsed, Exception):
            yield sample_rows(parsed, session.session_id, session.file.file_path, upload_day)


def _content(file: LandedFile) -> bytes | None:
    try:
        return read_as_listed(file)
    except LandingUnavailableError:
        raise
    except Exception:
        return None


def sample_rows(parsed: ParsedSession, session_id: str, file_path: str, upload_day: date) -> pa.RecordBatch:
    """A session's rows of `main.silver.samples`, in the contract's columns; the first one carries the report."""
    import pyarrow as pa

    rows = parsed.samples.height
    report = pa.concat_arrays(
        [pa.array([parse_report(parsed, file_path)], pa.string()), pa.nulls(rows - 1, pa.string())]
    )
    given: dict[str, Any] = {
        "session_id": pa.repeat(pa.scalar(session_id, pa.string()), rows),
        "upload_day": pa.repeat(pa.scalar(upload_day, pa.date32()), rows),
        "parse_report": report,
    }
    samples = parsed.samples.rechunk().to_arrow()
    for name, column in zip(samples.column_names, samples.columns, strict=True):
        given[name] = column.chunk(0)
    return pa.RecordBatch.from_arrays([given[column] for column in SAMPLES.column_names], names=SAMPLES.column_names)


def _refusal_of(item: tuple[int, LandedFile], maps: tuple[Path, ...]) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    position, file = item
    refusal = _refused(file, maps)
    yield pa.RecordBatch.from_arrays(
        [
            pa.array([position], pa.int64()),
            *(
                pa.array([text], pa.string())
                for text in (refusal.code, refusal.reason, refusal.location, refusal.remedy)
            ),
        ],
        names=["position", "code", "reason", "location", "remedy"],
    )


def _refused(file: LandedFile, maps: tuple[Path, ...]) -> Refusal:
    from pipelines.flight.formats import ColumnMapError, QuarantineError, read_session

    try:
        read_session(file.name, read_as_listed(file), maps)
    except QuarantineError as error:
        return Refusal(error.code, error.reason, error.location, error.remedy)
    except FileChangedError:
        return growing(file)
    except OSError:
        return Refusal(None, None, None, None)
    except (ColumnMapError, LandingUnavailableError):
        raise
    except Exception as error:
        return Refusal(
            "reader_failed",
            f"Reading {file.name} failed with {type(error).__name__}: {error}",
            "file",
            "Send the file to the maintainers of this project: no file may break a reader.",
        )
    return Refusal(None, None, None, None)


def growing(file: LandedFile) -> Refusal:
    """The refusal of a file that changed while it was read; its next version is looked at afresh."""
    return Refusal(
        "growing",
        f"{file.name} changed while it was read: it was still being written.",
        "file",
        "Nothing, if the upload goes on: the complete file is read in the next run. Upload under a name that "
        "begins with a dot and rename at the end to avoid this.",
    )
