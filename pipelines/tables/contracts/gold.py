"""Gold: cleaned, labelled, attested; what models are trained on in development and in production."""

from pipelines.tables.contract import Column, TableContract, TableName
from pipelines.tables.contracts.silver import CHANNEL_COLUMNS, SESSION_FACTS, SESSION_ID, UPLOAD_DAY

_KEEP_HISTORY = {
    # Attestation reads the whole history, so gold keeps it: ten years instead of Delta's thirty days.
    "delta.logRetentionDuration": "interval 3650 days",
    "delta.deletedFileRetentionDuration": "interval 3650 days",
}

SOURCE_DIGEST = Column(
    "source_digest", "STRING", "Digest of the session, its annotations and the cleaning rules.", False
)

GOLD_SESSIONS = TableContract(
    name=TableName("main", "gold", "sessions"),
    comment="One row per cleaned session.",
    columns=(
        SESSION_ID,
        UPLOAD_DAY,
        *SESSION_FACTS,
        Column("second_count", "BIGINT", "Seconds of the session in flight_samples.", nullable=False),
        Column("gap_share", "DOUBLE", "Share of seconds without a sample, 0 to 1.", nullable=False),
        Column("labelled_share", "DOUBLE", "Share of seconds with a maneuver label, 0 to 1.", nullable=False),
        Column("missing_channels", "ARRAY<STRING>", "Canonical channels without a single value.", nullable=False),
        SOURCE_DIGEST,
    ),
    key=("session_id",),
    partition_by=("upload_day",),
    properties=_KEEP_HISTORY,
)

FLIGHT_SAMPLES = TableContract(
    name=TableName("main", "gold", "flight_samples"),
    comment="One row per session and second: the sample nearest to the second, cleaned and labelled.",
    columns=(
        SESSION_ID,
        UPLOAD_DAY,
        Column("second", "BIGINT", "Whole second since the session's start, without holes.", nullable=False),
        Column("is_gap", "BOOLEAN", "True where no sample lies within half a second: all channels are null.", False),
        *CHANNEL_COLUMNS,
        Column("maneuver", "STRING", "Instructor's label; null in transitions and unlabelled sessions."),
        Column("is_upset", "BOOLEAN", "Instructor's upset overlay; null in sessions without any annotation."),
        SOURCE_DIGEST,
    ),
    key=("session_id", "second"),
    partition_by=("upload_day",),
    properties=_KEEP_HISTORY,
)

MANEUVERS = TableContract(
    name=TableName("main", "gold", "maneuvers"),
    comment="Labelled segments of sessions.",
    columns=(
        SESSION_ID,
        UPLOAD_DAY,
        Column("segment", "BIGINT", "Number within the session by start, from 1.", nullable=False),
        Column("maneuver", "STRING", "Maneuver of the taxonomy, or `upset` as an overlay.", nullable=False),
        Column("start_second", "BIGINT", "First second.", nullable=False),
        Column("end_second", "BIGINT", "Last second, inclusive.", nullable=False),
        Column("instructor", "STRING", "Who labelled it."),
        Column("comment", "STRING", "The instructor's remark."),
        SOURCE_DIGEST,
    ),
    key=("session_id", "segment"),
    partition_by=("upload_day",),
    properties=_KEEP_HISTORY,
)

APPROACHES = TableContract(
    name=TableName("main", "gold", "approaches"),
    comment="Approaches found in cleaned sessions, judged by the stabilized-approach criteria.",
    columns=(
        SESSION_ID,
        UPLOAD_DAY,
        Column("approach", "BIGINT", "Number within the session by time, from 1.", nullable=False),
        Column("start_second", "BIGINT", "First second of the descent towards the runway.", nullable=False),
        Column("gate_second", "BIGINT", "Second at which 500 ft above the field are passed.", nullable=False),
        Column("end_second", "BIGINT", "Second of touchdown or of the lowest point before a go-around.", False),
        Column("outcome", "STRING", "landing or go_around.", nullable=False),
        Column("field_elevation_ft", "DOUBLE", "Elevation of the field as flown, ft above mean sea level.", False),
        Column("speed_stable", "BOOLEAN", "Airspeed stayed in the target band from the gate; null if unknown."),
        Column("sink_stable", "BOOLEAN", "Sink rate stayed within its limit from the gate; null if unknown."),
        Column("bank_stable", "BOOLEAN", "Wings stayed level from the gate; null if unknown."),
        Column("is_stable", "BOOLEAN", "All known criteria held; null if none could be judged."),
        Column("failed_criteria", "ARRAY<STRING>", "Names of the criteria that failed.", nullable=False),
    ),
    key=("session_id", "approach"),
    partition_by=("upload_day",),
    properties=_KEEP_HISTORY,
)
