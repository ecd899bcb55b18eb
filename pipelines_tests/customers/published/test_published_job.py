"""What an app can do that holds nothing but the token of a customer's principal: start one job, and nothing else."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import PermissionDenied
from databricks.sdk.errors.base import DatabricksError
from databricks.sdk.service import compute, jobs

from pipelines.costs.report import report_rows, write_report
from pipelines.costs.usage import record_usage, usage_contract
from pipelines.customers.asking_runs import runs_of_own_job
from pipelines.customers.published_job import job_name, published_for, unpublish
from pipelines.engines.engine import Engine
from pipelines.environments import settings_from
from pipelines_tests.customers.published.conftest import CUSTOMERS, UNANSWERED, Office
from pipelines_tests.local.conftest import run_code

DONE = ("TERMINATED", "SUCCESS")
FAILED = ("TERMINATED", "FAILED")


def test_an_app_asks_and_is_answered(office: Office) -> None:
    before, own = office.inbox("birch"), office.inbox("acme")
    ended = office.ask("acme", sessions='["acme.csv"]', request_id="monday-1")
    assert ended.state == DONE, ended.logs
    [name] = office.inbox("acme").keys() - own.keys()
    now = office.inbox("acme")
    content = now[name]
    run = ended.run.run_id
    assert json.loads(content) == {"sessions": ["acme.csv"], "request_id": "monday-1", "databricks_run": run}
    assert f"inbox/{name}" in ended.logs
    assert '"state": "done"' in ended.logs
    assert office.inbox("birch") == before
    shown: Any = office.administrator.api_client.do("GET", "/api/2.2/jobs/runs/get", query={"run_id": run})
    assert shown["creator_user_name"] == office.apps["acme"].current_user.me().user_name
    assert shown["run_as_user_name"] == office.production.current_user.me().user_name

    again = office.ask("acme", sessions=" acme.csv ", request_id="monday-1")
    assert again.state == DONE, again.logs
    assert office.inbox("acme") == now, "the same request, not asked again"
    assert '"request_id": "monday-1"' in again.logs
    other = office.ask("acme", sessions="acme.csv,acme.csv", request_id="monday-1")
    assert other.state == FAILED
    assert "was given to another request before" in (other.error or "")
    assert office.inbox("acme") == now

    plain = office.ask("birch", sessions="birch.csv")
    assert plain.state == DONE, plain.logs
    assert len(office.inbox("birch")) == len(before) + 1


HOSTILE = {
    "another customer's file": ('["../../birch/sessions/birch.csv"]', "leaves the sessions folder"),
    "parent": ("..", "leaves the sessions folder"),
    "absolute": ("/Volumes/prod/customer_birch/files/sessions/birch.csv", "is an address"),
    "other bucket": ("s3://other/sessions/a.csv", "is an address"),
    "nothing": (" , ", "names no sessions"),
    "object": ('{"sessions": ["acme.csv"], "customer": "birch"}', "names no sessions"),
    "text": ('"acme.csv"', "names no sessions"),
    "numbers": ("[1, null]", "names no sessions"),
    "broken": ('["acme.csv"', "it is no JSON"),
    "deep": ("[" * 100_000, "nested too deeply"),
    "10,000 names": (json.dumps([f"{number}.csv" for number in range(10_000)]), "names too many: 1000 at most"),
    "control": ('["a\\u0000.csv"]', "control characters"),
    "shell": ("$(touch /tmp/owned); `id` \\", "backslash"),
    "unicode": ("\uff0e\uff0e/birch.csv", "plainer form"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_sessions_fail_and_do_nothing_else(office: Office, what: str) -> None:
    sessions, told = HOSTILE[what]
    before, others = office.everything(), office.inbox("birch")
    ended = office.ask("acme", sessions=sessions)
    assert ended.state == FAILED, ended.logs
    assert told in (ended.error or "")
    assert office.inbox("birch") == others
    more = office.everything() - before
    assert all(each.startswith("acme/inbox/run-now-") and each.endswith(".json") for each in more), more
    assert len(more) in (0, 2), "nothing, or a request with its answer"


@pytest.mark.parametrize("request_id", ["../../../birch/inbox/x", "a.status", "'; DROP TABLE prod.ops.customers; --"])
def test_a_request_id_names_no_file(office: Office, request_id: str) -> None:
    before = office.everything()
    ended = office.ask("acme", sessions="acme.csv", request_id=request_id)
    more = office.everything() - before
    assert len(more) == 2
    assert all(each.startswith("acme/inbox/run-now-") for each in more)
    if request_id == "a.status":
        assert ended.state == DONE
    else:
        assert ended.state == FAILED
        assert "write 1 to 64 letters" in (ended.error or "")


def test_parameters_in_place_of_the_jobs_own_reach_no_other_inbox(office: Office) -> None:
    app, others, before = office.apps["acme"], office.inbox("birch"), office.everything()
    mine = ["birch.csv", "", "1", "/Volumes/prod/customer_birch/files", "birch"]
    started = app.jobs.run_now(office.job("acme"), python_params=mine, job_parameters={"customer": "birch"})
    until = time.monotonic() + 60
    while not (more := office.everything() - before) and time.monotonic() < until:
        time.sleep(0.1)
    app.jobs.cancel_run(started.response.run_id)  # it waits for a session that never comes
    assert more
    assert office.inbox("birch") == others
    assert all(each.startswith("acme/inbox/") for each in office.everything() - before)


def test_a_request_links_to_a_run_of_the_own_job_alone(office: Office) -> None:
    theirs, mine = office.ask("birch", sessions=".."), office.ask("acme", sessions="..")
    numbers = [theirs.run.run_id or 0, mine.run.run_id or 0, 1, 2**62]
    assert runs_of_own_job(office.production, "acme", numbers) == {mine.run.run_id: mine.run.run_page_url}


def test_runs_that_wait_take_no_place_of_those_they_wait_for(office: Office) -> None:
    app, job = office.apps["acme"], office.job("acme")
    asked = ({"sessions": "acme.csv", "request_id": f"{UNANSWERED}-{number}"} for number in range(6))
    waiting = [app.jobs.run_now(job, job_parameters=each).response.run_id for each in asked]
    assert run_code(office.production, "print('analysed')", None).state == DONE
    assert not any(app.jobs.get_run(run).end_time for run in waiting), "all of them wait still"
    for run in waiting:
        app.jobs.cancel_run(run)


def test_every_run_for_a_customer_has_its_row_among_the_costs(office: Office, engine: Engine) -> None:
    answered, refused = office.ask("acme", sessions="acme.csv"), office.ask("birch", sessions="..")
    app = office.apps["acme"]
    asked = {"sessions": "acme.csv", "request_id": f"{UNANSWERED}-cost"}
    waiting = app.jobs.run_now(office.job("acme"), job_parameters=asked).response.run_id
    settings = settings_from({"PIPELINES_HOME": "/nowhere"}, "production")
    record_usage(engine, office.production, settings)
    app.jobs.cancel_run(waiting)
    rows = {row["remote_run_id"]: row for row in engine.table(usage_contract(settings).name).toArrow().to_pylist()}
    there = [run for run in office.administrator.jobs.list_runs(expand_tasks=True) if run.start_time]
    published = {office.job(customer): customer for customer in CUSTOMERS}
    for run in there:
        row = rows[run.run_id or 0]
        assert row["customer"] == published.get(run.job_id or 0)
        assert (row["purpose"] == "inference") == (run.job_id in published)
    mine = [rows[run or 0] for run in (answered.run.run_id, refused.run.run_id, waiting)]
    assert [(row["customer"], row["result"], row["cost_center"]) for row in mine] == [
        ("acme", "success", "cc-acme"),
        ("birch", "failed", "cc-birch"),
        ("acme", "running", "cc-acme"),
    ]
    (month,) = write_report(engine, settings)
    report = report_rows(engine, settings)
    assert sum(row["runs"] for row in report) == len(there)
    assert sum(round(row["cost_usd"] * 100) for row in report) == month.cost_cents


def test_a_link_in_the_place_of_the_inbox_is_not_followed(office: Office) -> None:
    own, moved = office.zone / "acme" / "inbox", office.zone / "acme" / "inbox.kept"
    others = office.inbox("birch")
    own.rename(moved)
    try:
        own.symlink_to(office.zone / "birch" / "inbox")
        ended = office.ask("acme", sessions="acme.csv", request_id="link")
        own.unlink()
    finally:
        moved.rename(own)
    assert ended.state == FAILED
    assert office.inbox("birch") == others


REFUSED: dict[str, Callable[[Office, WorkspaceClient, int], Any]] = {
    "edit": lambda _, app, own: app.jobs.update(own, new_settings=jobs.JobSettings(name="mine")),
    "run as itself": lambda _, app, own: app.jobs.update(
        own, new_settings=jobs.JobSettings(run_as=jobs.JobRunAs(service_principal_name=app.current_user.me().user_name))
    ),
    "reset": lambda _, app, own: app.jobs.reset(own, jobs.JobSettings(name="mine")),
    "delete": lambda _, app, own: app.jobs.delete(own),
    "give away": lambda _, app, own: app.api_client.do(
        "PATCH",
        f"/api/2.0/permissions/jobs/{own}",
        body={"access_control_list": [{"group_name": "users", "permission_level": "CAN_MANAGE"}]},
    ),
    "start another's": lambda o, app, _: app.jobs.run_now(o.job("birch"), job_parameters={"sessions": "birch.csv"}),
    "see another's": lambda o, app, _: app.jobs.get(o.job("birch")),
    "read the program": lambda o, app, _: app.files.download(_program(o, "acme")),
    "write the program": lambda o, app, _: app.files.delete(_program(o, "acme")),
    "run as production": lambda o, app, _: app.jobs.submit(
        run_name="x",
        tasks=[jobs.SubmitTask("x", spark_python_task=jobs.SparkPythonTask(_program(o, "acme")))],
        run_as=jobs.JobRunAs(service_principal_name=o.production.current_user.me().user_name),
    ),
    "another's run": lambda o, app, _: app.jobs.get_run(_run_of(o, "birch")),
    "another's output": lambda o, app, _: app.jobs.get_run_output(_run_of(o, "birch")),
    "end another's run": lambda o, app, _: app.jobs.cancel_run(_run_of(o, "birch")),
}


_OWN_CODE = jobs.SparkPythonTask("/Volumes/prod/customer_acme/files/inbox/x.py")
_CLUSTER = compute.ClusterSpec(spark_version="16.4.x-scala2.12", num_workers=0)
OWN_RUNS: dict[str, Callable[[Office, WorkspaceClient], Any]] = {
    "serverless run": lambda _, app: app.jobs.submit(tasks=[jobs.SubmitTask("x", spark_python_task=_OWN_CODE)]),
    "run on a new cluster": lambda _, app: app.jobs.submit(
        tasks=[jobs.SubmitTask("x", spark_python_task=_OWN_CODE, new_cluster=_CLUSTER)]
    ),
    "run on the pipelines' cluster": lambda o, app: app.jobs.submit(
        tasks=[jobs.SubmitTask("x", spark_python_task=_OWN_CODE, existing_cluster_id=_pipelines_cluster(o))]
    ),
    "serverless job": lambda _, app: app.jobs.create(name="x", tasks=[jobs.Task("x", spark_python_task=_OWN_CODE)]),
    "job on a new cluster": lambda _, app: app.jobs.create(
        name="x", tasks=[jobs.Task("x", spark_python_task=_OWN_CODE, new_cluster=_CLUSTER)]
    ),
    "tasks for a job without any": lambda _, app: app.jobs.update(
        app.jobs.create(name="x").job_id or 0,
        new_settings=jobs.JobSettings(tasks=[jobs.Task("x", spark_python_task=_OWN_CODE)]),
    ),
    "cluster": lambda _, app: app.clusters.create(spark_version="16.4.x-scala2.12", num_workers=0),
}


def _pipelines_cluster(office: Office) -> str:
    found = office.administrator.clusters.create(spark_version="16.4.x-scala2.12", num_workers=0)
    return found.response.cluster_id


@pytest.mark.parametrize("what", OWN_RUNS)
def test_the_app_runs_no_code_of_its_own(office: Office, what: str) -> None:
    app = office.apps["acme"]
    before = {run.run_id for run in office.administrator.jobs.list_runs()}
    app.files.upload("/Volumes/prod/customer_acme/files/inbox/x.py", io.BytesIO(b"print(1)"), overwrite=True)
    try:
        with pytest.raises(PermissionDenied):
            OWN_RUNS[what](office, app)
    finally:
        office.administrator.files.delete("/Volumes/prod/customer_acme/files/inbox/x.py")
        for job in app.jobs.list(name="x"):
            app.jobs.delete(job.job_id or 0)
    assert {run.run_id for run in office.administrator.jobs.list_runs()} == before


def _program(office: Office, customer: str) -> str:
    settings = office.production.jobs.get(office.job(customer)).settings
    assert settings is not None
    assert settings.tasks is not None
    program = settings.tasks[0].spark_python_task
    assert program is not None
    return program.python_file


def _run_of(office: Office, customer: str) -> int:
    found = office.administrator.jobs.list_runs(job_id=office.job(customer))
    return next(one.run_id or 0 for one in found)


@pytest.mark.parametrize("what", REFUSED)
def test_the_app_may_do_nothing_else(office: Office, what: str) -> None:
    if not list(office.administrator.jobs.list_runs(job_id=office.job("birch"))):
        office.ask("birch", sessions="..")
    before = [office.production.jobs.get(office.job(each)).settings for each in ("acme", "birch")]
    with pytest.raises(DatabricksError):
        REFUSED[what](office, office.apps["acme"], office.job("acme"))
    assert [office.production.jobs.get(office.job(each)).settings for each in ("acme", "birch")] == before


def test_lists_show_the_own_job_alone(office: Office) -> None:
    app = office.apps["acme"]
    assert {each.settings.name for each in app.jobs.list() if each.settings} == {job_name("acme")}
    mine = app.current_user.me().user_name
    assert {each.creator_user_name for each in app.jobs.list_runs()} <= {mine}


def test_publishing_again_is_one_job_as_it_should_be(office: Office) -> None:
    job = office.job("acme")
    namesake = office.apps["acme"].jobs.create(name=job_name("acme")).job_id or 0
    office.administrator.jobs.update(job, new_settings=jobs.JobSettings(name=job_name("acme"), tags={"x": "y"}))
    assert office.publish("acme", cost_center="cc-7").startswith("was there: ")
    assert office.job("acme") == job
    office.apps["acme"].jobs.delete(namesake)  # which nobody but its maker touched
    mine = office.production.current_user.me().user_name
    named = [each for each in office.production.jobs.list(name=job_name("acme")) if each.creator_user_name == mine]
    assert [each.job_id for each in named] == [job]
    settings = office.production.jobs.get(job).settings
    assert settings is not None
    assert settings.tags == {"customer": "acme", "purpose": "inference", "cost_center": "cc-7"}


def test_a_job_that_is_removed_is_gone_with_its_program(office: Office) -> None:
    job, program = office.job("birch"), _program(office, "birch")
    assert list(unpublish(office.production, "birch")) == [f"job analyze-birch ({job})"]
    assert list(unpublish(office.production, "birch")) == []
    assert published_for(office.production, "birch") is None
    with pytest.raises(DatabricksError):
        office.production.files.download(program)
    with pytest.raises(DatabricksError):
        office.apps["birch"].jobs.run_now(job, job_parameters={"sessions": "birch.csv"})
    assert office.publish("birch").startswith("added: ")
    assert office.ask("birch", sessions="..").state == FAILED, "there again, and waits for nobody"
