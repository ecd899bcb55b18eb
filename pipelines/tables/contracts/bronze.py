"""Bronze: what arrived in the landing zone, file by file, and what became of it."""

from pipelines.tables.contract import Column, TableContract, TableName

_LEDGER = (
    Column("file_path", "STRING", "Path below the landing zone's folder of this kind of file.", nullable=False),
    Column(
        "file_version",
        "STRING",
        "Changes when the file is overwritten: modification time (ns), size, in S3 the ETag.",
        False,
    ),
    Column("upload_day", "DATE", "Day of the upload, from the path.", nullable=False),
    Column("file_size_bytes", "BIGINT", "Size as stored.", nullable=False),
    Column("content_digest", "STRING", "SHA-256 of the bytes as stored, hexadecimal; null where it was not read."),
    Column("status", "STRING", "accepted, duplicate (same bytes as another file) or quarantined.", nullable=False),
    Column("reason_code", "STRING", "Why it is quarantined, as a code."),
    Column("reason", "STRING", "Why it is quarantined or a duplicate, as a sentence."),
    Column("location", "STRING", "Where in the file: line, column or channel."),
    Column("remedy", "STRING", "What the sender can do about it."),
)
_RUN = (
    Column("ingested_at", "TIMESTAMP", "When this row was written.", nullable=False, volatile=True),
    Column("ingest_run_id", "STRING", "Dagster run that wrote this row.", nullable=False, volatile=True),
)

SESSION_FILES = TableContract(
    name=TableName("main", "bronze", "session_files"),
    comment="Ledger of session files: each version of each file that arrived, and what became of it.",
    columns=(
        *_LEDGER,
        Column("session_id", "STRING", "The session that the bytes hold; null when quarantined."),
        Column("source_format", "STRING", "Adapter or column map that read the file."),
        *_RUN,
    ),
    key=("file_path", "file_version"),
    partition_by=("upload_day",),
)

ANNOTATION_FILES = TableContract(
    name=TableName("main", "bronze", "annotation_files"),
    comment="Ledger of instructors' annotation files.",
    columns=(*_LEDGER, Column("annotation_count", "BIGINT", "Rows accepted from the file."), *_RUN),
    key=("file_path", "file_version"),
    partition_by=("upload_day",),
)
