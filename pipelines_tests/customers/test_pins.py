"""A customer who is held at a version: by the job that an operator starts, down to the rows."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest

from pipelines.assets.release_moves import move_job
from pipelines.customers.fulfilment import fulfil
from pipelines.customers.onboarding import onboard
from pipelines.releases.move_config import MoveKind, move_config
from pipelines.releases.plan import Plan
from pipelines.tables.contract import TableName
from pipelines_tests.customers.conftest import CustomerFolder
from pipelines_tests.customers.small_models import RELEASE, SmallModels

pytestmark = pytest.mark.slow

OLD = "2" * 40


@pytest.fixture
def released(models: SmallModels) -> SmallModels:
    """`small_fast`: version 1 of an old release, version 2 serves half of the sessions beside canary 3."""
    manifest = models.add("small_fast")
    for release in (OLD, RELEASE, "3" * 40):
        models.version(manifest, release)
    models.serve({"small_fast": _plan()})
    return models


def _plan(revision: int = 4, quarantined: tuple[str, ...] = ()) -> Plan:
    return Plan(
        state="canary", revision=revision, release=RELEASE, champion=2, canary=3, canary_release="3" * 40,
        basis_points=5000, salt="pepper", quarantined=quarantined,
    )  # fmt: skip


def _make(world: SmallModels, kind: MoveKind, **config: Any) -> dict[str, Any]:
    """Run the job; the state that it leaves for the catalog and the command line."""
    resources = {"engine": world.engine, "settings": world.settings, "step_launcher": None}
    job, given = move_job(kind), move_config(kind, actor="Ana", reason="examinations until May", **config)
    done = job.execute_in_process(given, resources=resources, raise_on_error=False)
    if not done.success:
        [failed] = [event for event in done.all_events if event.event_type_value == "STEP_FAILURE"]
        raise dg.Failure(str(failed.step_failure_data.error))
    [made] = [event for event in done.all_events if event.event_type_value == "ASSET_MATERIALIZATION"]
    return made.materialization.metadata["state"].value  # type: ignore[return-value]


def _judged(models: SmallModels, acme: CustomerFolder, request: str) -> set[tuple[int, str]]:
    """By which versions and why this request's sessions were judged."""
    fulfil(models.engine, models.settings, "acme", [acme.request(request, "a.csv", "b.csv", "c.csv")], None)
    told = acme.status(request)
    assert told.state == "done", told
    return {(one.version, one.route_reason) for one in told.models}


def test_a_pinned_customer_gets_that_version_and_each_row_says_so(released: SmallModels, acme: CustomerFolder) -> None:
    onboard(released.engine, "acme", {}, None, "ada")
    for number, name in enumerate("abc"):
        acme.session(f"{name}.csv", seed=number)
    by_plan = _judged(released, acme, "before.json")
    assert by_plan <= {(2, "champion"), (3, "canary")}
    state = _make(released, "pin", customer="acme", models=["small_fast"], version=1)
    assert state["pins"] == [
        {"customer": "acme", "model": "small_fast", "version": 1, "release": OLD, "holds": True,
         "why": "examinations until May (Ana)"}
    ]  # fmt: skip
    assert _judged(released, acme, "pinned.json") == {(1, "pinned")}
    rows = released.engine.table(TableName("prod", "customer_acme", "analysis")).where("model_version = 1").toArrow()
    assert rows.num_rows == 18
    assert set(zip(rows["route_reason"].to_pylist(), rows["plan_revision"].to_pylist(), strict=True)) == {("pinned", 4)}

    assert _make(released, "unpin", customer="acme", models=["small_fast"])["pins"] == []
    assert _judged(released, acme, "after.json") == by_plan


def test_a_pin_is_refused_unless_customer_model_and_version_serve(released: SmallModels) -> None:
    onboard(released.engine, "acme", {}, None, "ada")
    released.version(released.add("small_other"))
    for customer, model, version, words in (
        ("nobody", "small_fast", 1, "There is no customer nobody"),
        ("../acme", "small_fast", 1, "is no customer identifier"),
        ("acme", "small_other", 1, "There is no released model small_other: there are small_fast."),
        ("acme", "small_fast", 9, "Version 9 of small_fast cannot be used: it is not in the registry."),
    ):
        with pytest.raises(dg.Failure, match=words):
            _make(released, "pin", customer=customer, models=[model], version=version)
    with pytest.raises(dg.Failure, match="acme has no pin of small_fast"):
        _make(released, "unpin", customer="acme", models=["small_fast"])
