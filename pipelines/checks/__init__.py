"""Asset checks by stage; those named here block training."""

from __future__ import annotations

import dagster as dg

CHECKS_BEFORE_TRAINING: list[dg.AssetChecksDefinition] = []
development_checks: list[dg.AssetChecksDefinition] = [*CHECKS_BEFORE_TRAINING]
