"""`prod.ops`: the record of releases, the customers, and what computing costs. Written by production alone."""

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

CUSTOMERS = TableContract(
    name=TableName("prod", "ops", "customers"),
    comment="One row per customer, also of those who left.",
    columns=(
        Column("customer", "STRING", "Identifier, in the names of the customer's schema, folder and tags.", False),
        Column("display_name", "STRING", "Name for people.", nullable=False),
        Column("state", "STRING", "active, offboarding (nothing new is taken) or offboarded.", False),
        Column("cost_center", "STRING", "Who pays, on every run's tags.", nullable=False),
        Column("principal", "STRING", "Service principal or group that reads the customer's schema and files.", False),
        Column("writes_files", "BOOLEAN", "Whether that principal puts files through the customer's volume.", False),
        Column(
            "shares_corrections",
            "BOOLEAN",
            "Whether instructors' corrections become labels for gold, each with a copy of its session's file.",
            False,
        ),
        Column("monthly_budget_usd", "DOUBLE", "Warned about from the threshold on; null for none."),
        Column("budget_warning_share", "DOUBLE", "Share of the budget from which on it is warned, 0 to 1.", False),
        Column("archive", "STRING", "Name of the newest archive's folder; null before there is one."),
        Column("onboarded_at", "TIMESTAMP", "When the customer was onboarded first.", nullable=False),
        Column("changed_at", "TIMESTAMP", "When this row was written.", nullable=False, volatile=True),
        Column("changed_by", "STRING", "Who did.", nullable=False),
    ),
    key=("customer",),
)

COMPUTE_USAGE = TableContract(
    name=TableName("prod", "ops", "compute_usage"),
    comment="One row per remote run and attempt, whatever became of it: what it used, for whom and for what.",
    columns=(
        Column("environment", "STRING", "Workspace: development or production.", nullable=False),
        Column("remote_run_id", "BIGINT", "The run in that workspace.", nullable=False),
        Column("started_at", "TIMESTAMP", "When it began.", nullable=False),
        Column("duration_s", "DOUBLE", "Seconds from its start to its end, or to when it was last seen.", False),
        Column(
            "result", "STRING", "success, failed, canceled, timedout, running when it was last seen, or lost.", False
        ),
        Column("size_class", "STRING", "small, standard, medium or large.", nullable=False),
        Column("rate_usd_per_hour", "DOUBLE", "List price of the size class when the row was written.", nullable=False),
        Column("cost_usd", "DOUBLE", "Duration times rate, to a millionth of a dollar.", nullable=False),
        Column("purpose", "STRING", "data_science, training, release, inference or operations.", nullable=False),
        Column("customer", "STRING", "Customer it was for; null for what is shared."),
        Column("model", "STRING", "Model it was for; null for none."),
        Column("release", "STRING", "Release it was for; null for none."),
        Column("cost_center", "STRING", "Who pays.", nullable=False),
        Column("dagster_run_id", "STRING", "Dagster run that asked for it; null if none did."),
        Column("step", "STRING", "Its step; null if none did."),
        Column("recorded_at", "TIMESTAMP", "When this row was written.", nullable=False, volatile=True),
    ),
    key=("environment", "remote_run_id"),
)

COST_REPORT = TableContract(
    name=TableName("prod", "ops", "cost_report"),
    comment="What computing cost per month, purpose and customer; the rows of a month sum to its runs.",
    columns=(
        Column("month", "DATE", "First day of the month, UTC.", nullable=False),
        Column("purpose", "STRING", "data_science, training, release, inference or operations.", nullable=False),
        Column("customer", "STRING", "Customer, or `shared`.", nullable=False),
        Column("cost_center", "STRING", "Who pays.", nullable=False),
        Column("runs", "BIGINT", "Remote runs.", nullable=False),
        Column("failed_runs", "BIGINT", "Those of them that did not succeed; they cost as well.", nullable=False),
        Column("hours", "DOUBLE", "Hours they took.", nullable=False),
        Column(
            "cost_usd",
            "DOUBLE",
            "What they cost by the rates of their size classes: dollars, to the cent.",
            nullable=False,
        ),
        Column("billed_usd", "DOUBLE", "By `system.billing.usage`; null where there is none."),
        Column("reported_at", "TIMESTAMP", "When this row was written.", nullable=False, volatile=True),
    ),
    key=("month", "purpose", "customer", "cost_center"),
)
