from __future__ import annotations

import subprocess
from datetime import UTC, datetime

from pipelines.releases.git.history import MOST_LISTED, relate
from pipelines.releases.git.mirror import Mirror
from pipelines.releases.git.provenance import read_commit
from pipelines_tests.releases.git.origin import Origin


def _fetched(mirror: Mirror):
    mirror.fetch(30)
    return mirror.repository


def test_first_and_same(origin: Origin, mirror: Mirror):
    head = origin.head()
    assert relate(_fetched(mirror), head, None).course == "first"
    assert relate(_fetched(mirror), head, head).course == "same"


def test_pushed_on_top(origin: Origin, mirror: Mirror):
    first, second = origin.head(), origin.commit()
    found = relate(_fetched(mirror), second, first)
    assert (found.course, found.passed_over, found.passed_over_count) == ("forward", (), 0)


def test_two_pushes_between_looks_pass_one_over(origin: Origin, mirror: Mirror):
    first, second, third, fourth = origin.head(), origin.commit(), origin.commit(), origin.commit()
    found = relate(_fetched(mirror), fourth, first)
    assert found.passed_over == (third, second)


def test_the_inside_of_a_merged_branch_was_never_a_head(origin: Origin, mirror: Mirror):
    first = origin.head()
    origin.git("checkout", "-q", "-b", "topic")
    inside = origin.commit({"topic.txt": "x"}, push=False)
    origin.git("checkout", "-q", "release")
    passed = origin.commit({"other.txt": "y"})
    origin.git("merge", "-q", "--no-ff", "-m", "merge", "topic", **origin.dates())
    origin.push()
    found = relate(_fetched(mirror), origin.head(), first)
    assert (found.course, found.passed_over) == ("forward", (passed,))
    assert inside not in found.passed_over


def test_a_long_way_is_counted_and_not_listed(origin: Origin, mirror: Mirror):
    first = origin.head()
    for number in range(MOST_LISTED + 5):
        origin.git("commit", "-q", "--allow-empty", "-m", str(number))
    origin.push()
    found = relate(_fetched(mirror), origin.head(), first)
    assert (len(found.passed_over), found.passed_over_count) == (MOST_LISTED, MOST_LISTED + 4)


def test_rewound(origin: Origin, mirror: Mirror):
    first, second = origin.head(), origin.commit()
    _fetched(mirror)
    origin.back_to(first)
    assert relate(_fetched(mirror), first, second).course == "rewound"


def test_rewritten_with_and_without_what_was_before(origin: Origin, mirror: Mirror):
    first, second = origin.head(), origin.commit()
    mirror.fetch(30)
    origin.git("reset", "-q", "--hard", first)
    third = origin.commit({"another.txt": "z"})
    found = relate(_fetched(mirror), third, second)
    assert (found.course, found.parted_at) == ("rewritten", first)
    found = relate(_fetched(mirror), third, "3" * 40)
    assert (found.course, found.parted_at) == ("rewritten", None)


def test_unrelated(origin: Origin, mirror: Mirror):
    before = origin.head()
    mirror.fetch(30)
    origin.git("checkout", "-q", "--orphan", "fresh")
    origin.commit({"fresh.txt": "x"})
    assert relate(_fetched(mirror), origin.head(), before).course == "unrelated"


def test_what_a_commit_says_of_itself(origin: Origin, mirror: Mirror):
    author = {"GIT_AUTHOR_NAME": "Bérénice", "GIT_AUTHOR_EMAIL": "b@example.org"}
    commit = origin.commit(message="feat: größer\n\nA body that is not shown.", variables=author)
    found = read_commit(_fetched(mirror), commit)
    assert found.commit == commit
    assert found.tree == origin.git("rev-parse", "HEAD^{tree}").strip()
    assert found.author == "Bérénice <b@example.org>"
    assert found.committer == "Amelia <amelia@example.org>"
    assert found.committed_at == datetime.fromtimestamp(origin.time, UTC)
    assert found.subject == "feat: größer"


def test_an_empty_message_and_odd_bytes(origin: Origin, mirror: Mirror):
    origin.git("commit", "-q", "--allow-empty", "--allow-empty-message", "-m", "")
    origin.push()
    assert read_commit(_fetched(mirror), origin.head()).subject == ""
    commit = origin.commit(message="caf\udce9")
    assert read_commit(_fetched(mirror), commit).subject.startswith("caf")


def test_impossible_times_and_escape_codes(origin: Origin, mirror: Mirror):
    tree = origin.git("rev-parse", "HEAD^{tree}").strip()
    raw = (
        f"tree {tree}\nauthor A\x1b[31m <a@b> 99999999999999 +9999\ncommitter C <c@d> 1700000000 -0330\n\n"
        "red \x1b[31m text\n"
    )
    made = subprocess.run(
        ["git", "-C", origin.work, "hash-object", "-t", "commit", "-w", "--stdin", "--literally"],
        input=raw.encode(),
        capture_output=True,
        check=True,
    )
    commit = made.stdout.decode().strip()
    origin.push(commit)
    found = read_commit(_fetched(mirror), commit)
    assert found.committed_at == datetime.fromtimestamp(1700000000, UTC)
    assert found.authored_at == datetime.fromtimestamp(0, UTC)
    assert found.subject.isprintable()
    assert found.author.isprintable()
