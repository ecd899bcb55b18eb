"""A Dagster project in a git repository of its own, small enough to be read at a glance: what launcher tests ship."""

from __future__ import annotations

import subprocess
import textwrap
from pathlib import Path

_JOBS = '''
"""Steps that run wherever `launcher` has them run."""

import os
import time

import dagster as dg

import shipped.what
from shipped.what import WHAT

if "BREAK_IMPORT" in os.environ:
    import no_such_module


def _launcher(_):
    if "RUNS_REMOTELY" in os.environ:
        return None
    from pipelines_tests.databricks.wiring import launcher

    return launcher()


@dg.asset(required_resource_keys={"launcher"})
def empty(context) -> dg.MaterializeResult:
    found = {"what": WHAT, "remote": "RUNS_REMOTELY" in os.environ}
    # A task writes no bytecode of its own.
    return dg.MaterializeResult(metadata={**found, "compiled_before": os.path.exists(shipped.what.__cached__)})


@dg.asset(required_resource_keys={"launcher"})
def telling(context) -> dg.MaterializeResult:
    for number in range(int(os.environ.get("MESSAGES", 5))):
        context.log.info(f"message {number}")
        time.sleep(float(os.environ.get("PAUSE_S", 0)))
    print("printed by the step")
    if os.environ.get("OUTCOME") == "fail":
        raise ValueError("told to fail")
    return dg.MaterializeResult(metadata={"file": __file__})


@dg.asset(required_resource_keys={"launcher"})
def waiting(context) -> dg.MaterializeResult:
    folder = os.environ["SIGNALS"]
    context.log.info("waits")
    while not os.path.exists(f"{folder}/go"):
        time.sleep(0.02)
    return dg.MaterializeResult()


@dg.asset(required_resource_keys={"launcher"})
def failing(context) -> dg.MaterializeResult:
    print("about to fail")
    raise ValueError("no fuel")


@dg.asset(required_resource_keys={"launcher"})
def asking(context) -> dg.MaterializeResult:
    if context.retry_number == 0:
        raise dg.RetryRequested(max_retries=1)
    return dg.MaterializeResult()


@dg.asset(required_resource_keys={"launcher"})
def killed(context) -> dg.MaterializeResult:
    print("about to be lost", flush=True)
    time.sleep(0.3)
    os.kill(os.getpid(), 9)


@dg.asset(required_resource_keys={"launcher"}, retry_policy=dg.RetryPolicy(max_retries=1))
def persevering(context) -> dg.MaterializeResult:
    if context.retry_number == 0:
        while not os.path.exists(f"{os.environ['SIGNALS']}/go"):
            time.sleep(0.02)
        os.kill(os.getpid(), 9)
    return dg.MaterializeResult()


@dg.asset(required_resource_keys={"launcher"})
def exhausted(context) -> dg.MaterializeResult:
    import resource

    print("about to be lost")
    resource.setrlimit(resource.RLIMIT_AS, (2**32, 2**32))
    return dg.MaterializeResult(metadata={"size": len(bytearray(2**34))})


@dg.asset(required_resource_keys={"launcher"})
def confiding(context) -> dg.MaterializeResult:
    secret = os.environ["PLANTED"]
    context.log.info(f"the secret is {secret}")
    print("printed:", secret)
    if os.environ.get("THEN") == "fail":
        raise ValueError(f"cannot use {secret}")
    return dg.MaterializeResult(metadata={"secret": secret, "nested": {"in": [secret]}, "length": len(secret)})


@dg.multi_asset_check(
    specs=[dg.AssetCheckSpec("full", asset="empty"), dg.AssetCheckSpec("fresh", asset="empty")],
    required_resource_keys={"launcher"},
)
def checked(context):
    yield dg.AssetCheckResult(check_name="full", asset_key="empty", passed=True, metadata={"rows": 3})
    yield dg.AssetCheckResult(check_name="fresh", asset_key="empty", passed=False, severity=dg.AssetCheckSeverity.WARN)


@dg.asset(required_resource_keys={"launcher"}, partitions_def=dg.DynamicPartitionsDefinition(name="releases"))
def released(context) -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"partition": context.partition_key})


@dg.multi_asset(
    specs=[dg.AssetSpec("daily_a"), dg.AssetSpec("daily_b", deps=["daily_a"])],
    check_specs=[dg.AssetCheckSpec("whole", asset="daily_b", blocking=True)],
    required_resource_keys={"launcher"},
    partitions_def=dg.DailyPartitionsDefinition("2025-01-01"),
    op_tags={"pipelines/model": "the_model", "pipelines/customer": "acme"},
)
def daily(context):
    day = context.partition_key
    yield dg.MaterializeResult("daily_a", metadata={"day": day})
    yield dg.MaterializeResult(
        "daily_b", check_results=[dg.AssetCheckResult(check_name="whole", passed=True, metadata={"day": day})]
    )


ASSETS = [empty, telling, waiting, failing, asking, killed, persevering, exhausted, confiding]

@dg.asset(required_resource_keys={"launcher"})
def first_of_two(context) -> dg.MaterializeResult:
    context.log.info("first of two")
    while not os.path.exists(f"{os.environ['SIGNALS']}/go"):
        time.sleep(0.02)
    from shipped import late

    return dg.MaterializeResult(metadata={"what": late.WHAT})


@dg.asset(required_resource_keys={"launcher"}, deps=[first_of_two])
def second_of_two(context) -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"what": WHAT})


TWO = [first_of_two, second_of_two]
CHECKS = [checked]
PARTITIONED = [released, daily]

jobs = {
    name: dg.define_asset_job(name, selection=dg.AssetSelection.assets(name).without_checks())
    for name in (asset.key.path[-1] for asset in ASSETS)
} | {
    "checked": dg.define_asset_job("checked", selection=dg.AssetSelection.checks(checked)),
    "two": dg.define_asset_job("two", selection=TWO),
    "released": dg.define_asset_job("released", selection=[released]),
    "daily": dg.define_asset_job("daily", selection=[daily]),
}


def job(name):
    return dg.Definitions(
        assets=[*ASSETS, *PARTITIONED, *TWO],
        asset_checks=CHECKS,
        jobs=list(jobs.values()),
        resources={"launcher": dg.ResourceDefinition(_launcher)},
        executor=dg.in_process_executor,
    ).resolve_job_def(name)


def empty_job():
    return job("empty")


def telling_job():
    return job("telling")


def waiting_job():
    return job("waiting")


def failing_job():
    return job("failing")


def asking_job():
    return job("asking")


def killed_job():
    return job("killed")


def persevering_job():
    return job("persevering")


def exhausted_job():
    return job("exhausted")


def confiding_job():
    return job("confiding")


def checked_job():
    return job("checked")


def released_job():
    return job("released")


def two_job():
    return job("two")


def daily_job():
    return job("daily")
'''


def make_repository(folder: Path) -> Path:
    """A repository with one commit of the package `shipped`."""
    package = folder / "shipped"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "what.py").write_text('WHAT = "committed"\n')
    (package / "late.py").write_text("from shipped.what import WHAT  # imported by a step that is under way\n")
    (package / "jobs.py").write_text(textwrap.dedent(_JOBS).lstrip())
    (folder / ".gitignore").write_text("__pycache__/\n")
    git(folder, "init", "--quiet", "--initial-branch", "main")
    commit(folder, "first")
    return folder


def commit(folder: Path, message: str) -> str:
    """Commit everything; the commit's name."""
    git(folder, "add", "--all")
    git(folder, "-c", "user.name=Test", "-c", "user.email=test@example.org", "commit", "--quiet", "-m", message)
    return git(folder, "rev-parse", "HEAD")


def git(folder: Path, *arguments: str) -> str:
    """Run git there; what it printed."""
    done = subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()
