"""Asset checks by stage: silver before gold, each gold table before the next, gold before training."""

from pipelines.checks.gold import gold_checks
from pipelines.checks.silver import silver_checks
from pipelines.checks.training import training_checks

development_checks = [silver_checks, *gold_checks, training_checks]
