"""Routing: the same unit gets the same version, a growing canary loses nobody, and a pin comes first."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.releases.plan import Plan
from pipelines.releases.routing import NothingServesError, Route, bucket, route

CANARY = Plan("canary", 9, "a" * 40, champion=3, canary=4, canary_release="b" * 40, basis_points=500, salt="spring")
shares = st.integers(0, 10_000)


@given(st.text(), shares, shares)
def test_who_has_the_canary_keeps_it_as_it_grows(unit: str, one: int, other: int) -> None:
    narrow, wide = sorted((one, other))
    before = route(replace(CANARY, basis_points=narrow), unit)
    after = route(replace(CANARY, basis_points=wide), unit)
    assert before == route(replace(CANARY, basis_points=narrow), unit)
    assert before.reason == "champion" or after.reason == "canary"


def test_the_share_is_what_the_plan_says() -> None:
    found = Counter(route(CANARY, f"session-{number}").version for number in range(20_000))
    assert found[4] / 20_000 == pytest.approx(0.05, abs=0.005)
    all_of_them = replace(CANARY, basis_points=10_000)
    assert {route(all_of_them, f"session-{number}").version for number in range(500)} == {4}
    assert {route(replace(CANARY, basis_points=0), f"{number}").version for number in range(500)} == {3}


def test_the_bucket_is_as_documented_and_another_salt_shuffles() -> None:
    # int(sha256("spring|0|session-1")[:8], 16) % 10000, worked out by hand with sha256sum.
    assert bucket("spring", "session-1") == 4571
    moved = sum(bucket("spring", f"{n}") // 1000 != bucket("autumn", f"{n}") // 1000 for n in range(1000))
    assert 850 < moved < 950


def test_a_pin_comes_first_and_only_for_its_customer() -> None:
    everyone = replace(CANARY, basis_points=10_000)
    pins = {"north": 2}
    assert route(everyone, "s", "north", pins) == Route(2, "pinned", 9)
    assert route(everyone, "s", "south", pins) == Route(4, "canary", 9)
    assert route(Plan(), "s", "north", pins).version == 2


def test_nothing_serves_before_the_first_release() -> None:
    with pytest.raises(NothingServesError, match="state is empty"):
        route(Plan(), "s")
