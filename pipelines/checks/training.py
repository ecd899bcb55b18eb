"""What must hold of the whole of gold before any model is trained on it.

All of them are checks of `main/gold/sessions`, which every model depends on: they hold back training, and never
the completion of gold itself.
"""

from pipelines.checks.check import Check, asset_checks, rule
from pipelines.tables.contracts import GOLD, GOLD_SESSIONS

TRAINING_CHECKS = (
    Check(
        GOLD_SESSIONS,
        "labels_are_balanced",
        rule("gold_quality", "labels_are_balanced", per_day=False),
        "Every label has seconds enough to learn from, and no label is nearly all of them.",
    ),
    Check(
        GOLD_SESSIONS,
        "enough_to_train",
        rule("gold_quality", "enough_to_train", per_day=False),
        "Labelled sessions and aircraft types suffice to hold some of both back from training.",
    ),
    *(
        Check(
            GOLD_SESSIONS,
            f"{contract.name.table}_attested",
            rule("gold_quality", "is_attested", contract, per_day=False),
            f"Every change of rows in the history of {contract.name} is attested.",
        )
        for contract in GOLD
    ),
)

training_checks = asset_checks("check_before_training", TRAINING_CHECKS, per_day=False)
