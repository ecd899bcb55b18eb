"""Silver: sessions as recorded, in canonical channels and units, at their own rate."""

from pipelines.flight.channels import CHANNELS
from pipelines.tables.contract import Column, TableContract, TableName

CHANNEL_COLUMNS = tuple(
    Column(channel.name, "DOUBLE", f"{channel.description} Unit: {channel.unit}. Null where not recorded.")
    for channel in CHANNELS.values()
)

SESSION_ID = Column("session_id", "STRING", "First 16 hexadecimal digits of the file's SHA-256.", nullable=False)
UPLOAD_DAY = Column("upload_day", "DATE", "Day on which the session first arrived.", nullable=False)
SESSION_FACTS = (
    Column("source_format", "STRING", "Adapter or column map that read the file.", nullable=False),
    Column("device_kind", "STRING", "aircraft or simulator, where known."),
    Column("airframe_name", "STRING", "Airframe as the file names it."),
    Column("aircraft_type", "STRING", "Aircraft type, where the airframe's name tells."),
    Column("started_at", "TIMESTAMP", "UTC time of the first stamped sample, where the file has a clock."),
    Column("duration_s", "DOUBLE", "Seconds from the first to the last sample.", nullable=False),
)

SILVER_SESSIONS = TableContract(
    name=TableName("main", "silver", "sessions"),
    comment="One row per session: where it came from and what reading its file met.",
    columns=(
        SESSION_ID,
        UPLOAD_DAY,
        Column("file_path", "STRING", "The file that it was read from.", nullable=False),
        *SESSION_FACTS,
        Column("sample_count", "BIGINT", "Samples kept.", nullable=False),
        Column("dropped_rows", "BIGINT", "Rows of the file that could not be kept, such as a cut-off last one.", False),
        Column("repairs", "ARRAY<STRING>", "What was repaired, a sentence each.", nullable=False),
        Column("missing_channels", "ARRAY<STRING>", "Canonical channels without a single value.", nullable=False),
        Column("ingested_at", "TIMESTAMP", "When this row was written.", nullable=False, volatile=True),
        Column("ingest_run_id", "STRING", "Dagster run that wrote this row.", nullable=False, volatile=True),
    ),
    key=("session_id",),
    partition_by=("upload_day",),
)

SAMPLES = TableContract(
    name=TableName("main", "silver", "samples"),
    comment="Every sample of every session, canonical channels and units, at the source's own rate.",
    columns=(
        SESSION_ID,
        UPLOAD_DAY,
        Column("sample_index", "BIGINT", "Position in the file, from 0.", nullable=False),
        Column("elapsed_s", "DOUBLE", "Seconds since the session's first sample, never decreasing.", nullable=False),
        Column("recorded_at", "TIMESTAMP", "UTC time as recorded, where the file has a clock."),
        *CHANNEL_COLUMNS,
        Column("parse_report", "STRING", "On a session's first sample: what reading its file met, as JSON."),
    ),
    # Not partitioned: every file holds neighbouring sessions of one upload day, so statistics skip the others just
    # as well, and the writer need not sort rows into folders (a quarter of its time).
    key=("session_id", "sample_index"),
)

ANNOTATIONS = TableContract(
    name=TableName("main", "silver", "annotations"),
    comment="Instructors' labels, as intervals of a session.",
    columns=(
        Column("content_digest", "STRING", "SHA-256 of the annotation file.", nullable=False),
        Column("row_number", "BIGINT", "Row in the annotation file, from 1.", nullable=False),
        Column("upload_day", "DATE", "Day on which the annotation arrived.", nullable=False),
        Column("session_file", "STRING", "Name of the session file, without folders.", nullable=False),
        Column("start_s", "DOUBLE", "Start, seconds since the session's first sample.", nullable=False),
        Column("end_s", "DOUBLE", "End, seconds since the session's first sample, exclusive.", nullable=False),
        Column("maneuver", "STRING", "Maneuver of the taxonomy, or `upset` as an overlay.", nullable=False),
        Column("instructor", "STRING", "Who labelled it."),
        Column("comment", "STRING", "The instructor's remark."),
    ),
    key=("content_digest", "row_number"),
    partition_by=("upload_day",),
)

CHECK_RESULTS = TableContract(
    name=TableName("main", "silver", "check_results"),
    comment="What the checks of an upload day's bronze and silver found, for exactly one state of those tables.",
    columns=(
        Column("upload_day", "DATE", "Day whose rows were checked.", nullable=False),
        Column("sources", "STRING", "The tables that were checked, each as name@version.", nullable=False),
        Column("code_digest", "STRING", "Digest of the code that holds the rules.", nullable=False),
        Column("check_name", "STRING", "Table and rule.", nullable=False),
        Column("passed", "BOOLEAN", "Whether the rule holds.", nullable=False),
        Column("description", "STRING", "What was found, as a sentence.", nullable=False),
        Column("figures", "STRING", "What was counted, as JSON.", nullable=False),
        Column("checked_at", "TIMESTAMP", "When this row was written.", nullable=False, volatile=True),
    ),
    key=("upload_day", "sources", "code_digest", "check_name"),
    partition_by=("upload_day",),
)
