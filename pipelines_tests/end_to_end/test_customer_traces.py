"""What a real production site leaves of one customer's requests, which another customer must not find anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from pipelines.customers.places import volume_of
from pipelines.embedded import administrator
from pipelines.workspace_names import folder_of
from pipelines_tests.end_to_end.customer_world import World, customers_world
from pipelines_tests.end_to_end.seen_by import answers, seen_by_its_code
from pipelines_tests.local.conftest import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with customers_world(tmp_path_factory.mktemp("traces")) as made:
        yield made


def test_nothing_that_the_product_leaves_of_one_customer_is_seen_by_another(world: World):
    words = {each: f"{bird}{uuid4().hex[:8]}" for each, bird in (("acme", "Zaunkoenig"), ("birch", "Kanarienvogel"))}
    for customer, word in words.items():
        one = world.of(customer)
        one.ask(f"{word}.json", one.session(f"{word}.csv", len(customer)), request_id=f"of-{word}")
        told = one.answer(f"{word}.json")
        assert told.state == "done", told
        row = f"{told.sessions[0].session_id},maneuver,20,29,steep_turn,{word},said {word}\n"
        (one.folder / "inbox" / f"{word}.corrections.csv").write_text(
            f"session,kind,from,to,label,instructor,comment\n{row}"
        )
        assert one.corrected(customer, f"{word}.corrections.csv").state == "done"
        one.at_rest()
        app, job = one.app_and_job()
        refused = app.jobs.run_now(job, job_parameters={"sessions": f"../{word}"}).response.run_id
        assert word in str(wait_for(app, refused, 60).error)
    acme, _ = world.app_and_job()
    own, other = words["acme"], words["birch"]
    seen = answers(acme)
    assert {where: text for where, text in seen.items() if other in where + text} == {}
    places = [where for where, text in seen.items() if own in text]
    for part in ("/sessions/", "/inbox/", "/reviews/", "run "):
        assert any(part in where for where in places), f"the search finds its own word in {part}"
    everyones = answers(administrator(world.site.settings))
    assert any(other in text for where, text in everyones.items() if where.startswith("run ")), "there to be found"

    assert world.of("birch").rows("corrections", "instructor") == [(other,)], "there to be found in rows, too"

    world.may_compute()
    roots = [str(world.site.settings.home.parent), "/Volumes", "/Workspace", "/dbfs", "/tmp", "/var/tmp", "/dev/shm"]
    address = f"{folder_of(volume_of('acme'))}/search.py"
    counted = seen_by_its_code(acme, world.folder / "search.py", address, roots, own, other)
    assert counted[0] > 5, "its own files, and rows of several tables"
    assert counted[1] == 0
