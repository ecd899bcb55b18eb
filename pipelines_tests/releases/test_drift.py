"""Drift is found where it was put, and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from deltalake import DeltaTable, write_deltalake

from pipelines.engines.engine import Engine
from pipelines.releases.drift import Finding, Observed, drift
from pipelines.releases.entry import By
from pipelines.releases.gold_state import GoldState, gold_state
from pipelines.releases.plan import Plan
from pipelines.releases.registry import Version
from pipelines.releases.transitions import promote
from pipelines.tables.contract import Column, TableContract, TableName
from pipelines.tables.history import history
from pipelines_tests.releases.memory import releases_in_memory

A, B, C = "a" * 40, "b" * 40, "c" * 40
BY = By("run", "release")
SESSIONS = "main.gold.sessions"
GOLD = GoldState(current=7, restored={})


def version(number: int, release: str, gold: int = 5, problem: str = "") -> Version:
    return Version(number, release, {SESSIONS: gold}, {}, problem)


@pytest.fixture
def observed() -> Observed:
    """Two releases of two models; B serves, and all agree."""
    releases, journal, registry = releases_in_memory()
    for number, release in enumerate((A, B), start=1):
        releases.request(release, ["x", "y"], BY)
        releases.promote(release, {"x": number, "y": number}, BY)
    return Observed(
        record=journal.read(),
        registered={model: registry.registered(model) for model in ("x", "y")},
        versions={model: [version(1, A), version(2, B, gold=7)] for model in ("x", "y")},
        gold={SESSIONS: GOLD},
        head=B,
        models_at_head=frozenset({"x", "y"}),
    )


def only(findings: list[Finding]) -> Finding:
    [finding] = findings
    return finding


def with_x(observed: Observed, **changes: Any) -> Observed:
    return replace(observed, registered={**observed.registered, "x": replace(observed.registered["x"], **changes)})


def test_where_all_agree_there_is_nothing_to_say(observed: Observed) -> None:
    assert drift(observed) == []


def test_a_move_that_was_cut_off_and_an_edited_plan_are_told_apart(observed: Observed) -> None:
    old = promote(Plan(), 1, A)
    cut = drift(with_x(observed, plan=old, aliases={"champion": 1}))
    assert [(one.between, one.model, one.is_serious) for one in cut] == [("plan", "x", True), ("set", None, True)]
    assert "its plan is at revision 1, the record at 2: a move was cut off" in cut[0].sentence
    assert cut[1].sentence == f"models of several releases serve: x of {A[:12]}; y of {B[:12]}."
    edited = replace(observed.record.plans["x"], champion=1)
    found = drift(with_x(observed, plan=edited, aliases={"champion": 1, "previous": 1}))
    assert "was written by no move" in only(found).sentence
    broken = drift(with_x(observed, plan=None, problem="it is no JSON."))
    assert only(broken).sentence == "x: its tag is no plan: it is no JSON."


def test_aliases_that_do_not_follow_the_plan(observed: Observed) -> None:
    moved = only(drift(with_x(observed, aliases={"champion": 1, "previous": 1, "mine": 2})))
    assert (moved.between, moved.is_serious) == ("alias", True)
    assert moved.sentence == "x: alias champion names version 1, the plan says version 2."
    lost = drift(with_x(observed, aliases={"canary": 2}))
    assert [(one.sentence, one.is_serious) for one in lost] == [
        ("x: alias canary names version 2, the plan says no version.", True),
        ("x: alias champion names no version, the plan says version 2.", True),
        ("x: alias previous names no version, the plan says version 1.", False),
    ]


def test_versions_that_are_gone_or_left_over(observed: Observed) -> None:
    gone = only(drift(replace(observed, versions={**observed.versions, "x": [version(1, A)]})))
    assert gone.sentence == "x: version 2, its champion, is not in the registry any more."
    assert gone.is_serious
    extra = [*observed.versions["x"], version(3, B, 7, "it is left over from a registration that raced")]
    left = only(drift(replace(observed, versions={**observed.versions, "x": extra})))
    assert (left.sentence, left.is_serious) == (
        "x: version 3 never serves: it is left over from a registration that raced.",
        False,
    )


def test_versions_trained_on_data_that_was_undone_are_listed(observed: Observed) -> None:
    restored = GoldState(current=8, restored={8: 5})
    found = drift(replace(observed, gold={SESSIONS: restored}))
    assert [(one.model, one.is_serious) for one in found] == [("x", True), ("y", True)]
    assert found[0].sentence == (
        "x: version 2, its champion, was trained on data that gold does not hold any more: main.gold.sessions version "
        "7 (now 8). Find out why gold was restored, then release anew."
    )
    made_anew = drift(replace(observed, gold={SESSIONS: GoldState(2, {})}))
    assert len(made_anew) == 4
    assert [one.is_serious for one in made_anew] == [True, True, False, False]


def test_git_and_what_serves(observed: Observed) -> None:
    assert "nobody has requested it" in only(drift(replace(observed, head=C))).sentence
    assert "git could not be asked" in only(drift(replace(observed, head=None))).sentence
    found = drift(replace(observed, models_at_head=frozenset({"x", "z"})))
    assert [one.sentence for one in found] == [
        f"z: release {B[:12]} has it, and no version of it serves.",
        f"y: it serves, and release {B[:12]} does not have it.",
    ]
    releases, journal, _ = releases_in_memory()
    releases.request(C, ["x"], BY)
    waiting = Observed(journal.read(), {}, {}, {}, head=C)
    assert only(drift(waiting)).sentence == (
        f"the head of `release` is {C[:12]}, and no release serves: "
        "it is on its way or was refused: see its last entry."
    )


def test_an_edited_record_comes_first(observed: Observed) -> None:
    found = drift(replace(observed, head=C, record_problems=["a row was deleted."]))
    assert [one.between for one in found] == ["record", "git"]


@pytest.mark.parametrize(
    ("restored", "current", "vanished"),
    [
        ({}, 4, {5, 6}),
        ({5: 2}, 6, {3, 4, 7}),
        ({5: 2, 8: 4}, 9, {3, 5, 6, 7} - {3}),  # back to what the first restore had undone
        ({5: 2, 6: 5}, 6, {3, 4}),
        ({3: -1}, 4, {0, 1, 2}),
    ],
)
def test_what_a_restore_undoes(restored: dict[int, int], current: int, vanished: set[int]) -> None:
    state = GoldState(current, restored)
    assert {number for number in range(max(vanished | {current}) + 1) if state.vanished(number)} == vanished


def test_a_restore_of_a_real_table_is_understood(engine: Engine) -> None:
    name = TableName("main", "gold", "numbers")
    contract = TableContract(name, "Numbers.", (Column("number", "BIGINT", "A number."),), ("number",))
    engine.create(contract)
    for number in range(1, 5):
        engine.append(name, engine.spark.createDataFrame([(number,)], "number BIGINT"))
    location = str(engine.location(name))
    DeltaTable(location).restore(2)
    engine.append(name, engine.spark.createDataFrame([(9,)], "number BIGINT"))
    assert sorted(row["number"] for row in engine.table(name).collect()) == [1, 2, 9]
    [state] = gold_state(engine, [str(name)]).values()
    assert state == GoldState(6, {5: 2})
    assert [number for number in range(7) if state.vanished(number)] == [3, 4]
    assert next(commit.operation for commit in history(engine, name)[5:]) == "RESTORE"
    write_deltalake(location, DeltaTable(location).to_pyarrow_table(), mode="overwrite")
    assert gold_state(engine, [str(name)])[str(name)] == GoldState(7, {5: 2})
