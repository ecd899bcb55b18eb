"""The record of releases: what was decided, by whom and why. Written by production alone, and only added to."""

from pipelines.tables.contract import Column, TableContract, TableName

RELEASE_AUDIT = TableContract(
    name=TableName("prod", "ops", "release_audit"),
    comment="Every move of the releases: one row per model and move, never changed.",
    columns=(
        Column("sequence", "BIGINT", "Number of the move, from 1 without holes; the rows of a move share it.", False),
        Column("move_id", "STRING", "Chosen by the writer, so that it can tell its own move.", nullable=False),
        Column(
            "transition", "STRING", "What happened: requested, refused, approved, promoted, rolled_back, ...", False
        ),
        Column("model", "STRING", "Name of the model.", nullable=False),
        Column("release", "STRING", "Commit that the move is about.", nullable=False),
        Column("revision", "BIGINT", "Revision of the model's plan after the move.", nullable=False),
        Column("actor", "STRING", "Person or run that did it.", nullable=False),
        Column("reason", "STRING", "Why, in words.", nullable=False),
        Column("plan_before", "STRING", "The plan before, JSON; null for what changes no plan."),
        Column("plan_after", "STRING", "The plan after, JSON; null for what changes no plan."),
        Column("evidence", "STRING", "What the move rests on, such as results of gates, JSON.", nullable=False),
        Column("recorded_at", "TIMESTAMP", "When the move was made.", nullable=False),
    ),
    key=("sequence", "model"),
    properties={
        "delta.appendOnly": "true",
        # The record is kept for good, and so is the proof that it was only added to.
        "delta.logRetentionDuration": "interval 3650 days",
    },
)
