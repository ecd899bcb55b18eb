"""What arrives from outside: the landing zone's two kinds of uploads."""

from __future__ import annotations

import dagster as dg

from pipelines.assets.table_assets import OWNER
from pipelines.partitions import UPLOAD_DAYS

LANDING_SESSIONS = dg.AssetSpec(
    key=["landing", "sessions"],
    description="Session files as simulators and aircraft wrote them, in a folder per upload day.",
    group_name="landing",
    owners=[OWNER],
    kinds={"csv", "parquet"},
    partitions_def=UPLOAD_DAYS,
)

LANDING_ANNOTATIONS = dg.AssetSpec(
    key=["landing", "annotations"],
    description="Instructors' labels of sessions, as CSV files in a folder per upload day.",
    group_name="landing",
    owners=[OWNER],
    kinds={"csv"},
    partitions_def=UPLOAD_DAYS,
)

landing_assets = [LANDING_SESSIONS, LANDING_ANNOTATIONS]
