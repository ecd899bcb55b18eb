"""A plan that cannot be applied is not one."""

from __future__ import annotations

import pytest

from pipelines.databricks.bootstrap.plan import Catalog, Grant, Plan, Schema, Table
from pipelines.databricks.bootstrap.statements import as_sql


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (lambda: Plan("w", schemas=(Schema("a.b"),)), "holds a.b but not a"),
        (lambda: Plan("w", tables=(Table("a.b.c", ""),)), "holds a.b.c but not a.b"),
        (lambda: Plan("w", grants=(Grant("catalog", "a", "me", frozenset({"SELECT"})),)), "grants on a"),
        (lambda: Grant("catalog", "a", "me", frozenset()), "grants nothing"),
    ],
)
def test_incomplete_plan_is_refused(plan, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plan()


def test_text_cannot_leave_its_literal() -> None:
    script = as_sql(Plan("w", catalogs=(Catalog("a", "it's \\' here"),)))
    assert "COMMENT 'it\\'s \\\\\\' here';" in script
