"""What runs is what was there when the run began, whatever happens to the working tree afterwards."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import dagster as dg
import pytest

from pipelines_tests.databricks.fixtures import failure_text, step_events, until
from pipelines_tests.databricks.shipped_project import commit, git
from pipelines_tests.databricks.test_launcher import Run, messages, metadata_of
from pipelines_tests.databricks.wiring import Wiring

WHAT = Path("shipped", "what.py")


def test_a_changed_tree_after_submission_changes_nothing(
    run: Run, instance: dg.DagsterInstance, wired: Wiring, repository: Path, signals: Path
) -> None:
    def change() -> None:
        until(lambda: [run.run_id for run in instance.get_runs()], "the run")
        run_id = instance.get_runs()[0].run_id
        until(lambda: "LOG: first of two" in step_events(instance, run_id, "first_of_two"), "the first step")
        (repository / WHAT).write_text('WHAT = "changed after submission"\n')
        (signals / "go").touch()

    changer = threading.Thread(target=change)
    changer.start()
    result = run("two", wired.with_changes(environment={"SIGNALS": str(signals)}))
    changer.join()
    assert result.success, messages(result)
    first, second = metadata_of(result, "first_of_two"), metadata_of(result, "second_of_two")
    # The first one imports after the change, the second one is even submitted after it.
    assert (first["what"], second["what"]) == ("committed", "committed")
    assert first["code_digest"] == second["code_digest"]
    assert first["commit"] == git(repository, "rev-parse", "HEAD")

    later = run("empty")
    assert metadata_of(later, "empty")["what"] == "changed after submission"
    assert metadata_of(later, "empty")["uncommitted_changes"] is True
    assert metadata_of(later, "empty")["code_digest"] != first["code_digest"]


def test_a_named_revision_runs_whatever_the_tree_holds(run: Run, wired: Wiring, repository: Path) -> None:
    released = git(repository, "rev-parse", "HEAD")
    (repository / WHAT).write_text('WHAT = "newer"\n')
    commit(repository, "second")
    result = run("empty", wired.with_changes(revision=released, allow_dirty=False))
    metadata = metadata_of(result, "empty")
    assert (metadata["what"], metadata["commit"]) == ("committed", released)


def test_uncommitted_code_is_refused_where_none_may_run(run: Run, wired: Wiring, repository: Path) -> None:
    (repository / WHAT).write_text('WHAT = "uncommitted"\n')
    result = run("empty", wired.with_changes(allow_dirty=False), raise_on_error=False)
    assert not result.success
    text = failure_text(result, "empty")
    assert "shipped/what.py" in text
    assert "commit them" in text


def test_an_automatic_retry_runs_the_same_code(run: Run, repository: Path) -> None:
    first = run("empty")
    (repository / WHAT).write_text('WHAT = "changed between"\n')
    options = dg.ReexecutionOptions(parent_run_id=first.run_id)
    retried = run("empty", reexecution_options=options, tags={"dagster/retry_number": "1"})
    assert metadata_of(retried, "empty")["what"] == "committed"
    by_hand = run("empty", reexecution_options=options)
    assert metadata_of(by_hand, "empty")["what"] == "changed between"


@pytest.mark.parametrize("elsewhere", ["installed", "in memory"])
def test_no_other_copy_of_the_package_is_imported(tmp_path: Path, elsewhere: str) -> None:
    other = tmp_path / "other" / "shipped"
    other.mkdir(parents=True)
    (other / "__init__.py").write_text("")
    (other / "what.py").write_text('WHAT = "the wrong copy"')
    (other / "only_here.py").write_text("")
    code = f"""
        import io, sys, zipfile
        from pathlib import Path
        sys.path.insert(0, {str(tmp_path / "other")!r})
        if {elsewhere == "in memory"}:
            import shipped.what
        from pipelines.databricks.remote.shipped_code import put_first, unpack
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w") as archive:
            archive.writestr("shipped/__init__.py", "")
            archive.writestr("shipped/what.py", 'WHAT = "shipped"')
        folder = Path({str(tmp_path)!r}, "extracted")
        put_first(folder, unpack(made.getvalue(), folder))
        import shipped.what
        assert shipped.what.WHAT == "shipped"
        try:
            import shipped.only_here
        except ModuleNotFoundError:
            print("right")
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "right", done.stderr
