"""The jobs: named parts of the asset graph that people and sensors start."""

from __future__ import annotations

import dagster as dg

from pipelines.assets.release_check import champions_agree
from pipelines.assets.release_moves import move_jobs
from pipelines.assets.reproduction import reproduce
from pipelines.branches import AS_MAIN, GOLD_CHOICE
from pipelines.checks.training import training_checks
from pipelines.partitions import RELEASES

_tables = dg.AssetSelection.groups("bronze", "silver", "gold")
_before_training = dg.AssetSelection.checks(training_checks)
_check = dg.AssetSelection.checks(champions_agree)
_models = dg.AssetSelection.groups("dev_models")
_predictions = dg.AssetSelection.groups("predictions")

ingest = dg.define_asset_job(
    "ingest",
    selection=_tables - _before_training,
    description="Takes the uploads of one day from the landing zone to gold.",
)

train = dg.define_asset_job(
    "train",
    selection=_models | _before_training,
    description="Trains, evaluates and registers every model on gold, if gold is fit for it.",
)

predict = dg.define_asset_job(
    "predict",
    selection=_predictions,
    description="Lets each model judge the gold sessions that its version has not judged yet.",
)

full_flow = dg.define_asset_job(
    "full_flow",
    selection=_tables | _models | _predictions,
    description="The main job: one day's uploads to gold, then models trained on all of gold, then predictions.",
)

release = dg.define_asset_job(
    "release",
    selection=dg.AssetSelection.groups("releases", "prod_models") - _check,
    partitions_def=RELEASES,
    # Models are trained beside each other as far as the workspace can; their steps wait for it in processes of theirs.
    executor_def=dg.multiprocess_executor.configured(
        {"max_concurrent": 4, "start_method": {"forkserver": {"preload_modules": ["pipelines.definitions"]}}}
    ),
    description="Trains, judges and registers every model of a commit, and makes them champion together if all pass.",
)

branch_train = dg.define_asset_job(
    "train", selection=_models, description="Trains, evaluates and registers the branch's own models on shared gold."
)

validate = dg.define_asset_job(
    "validate",
    selection=_models,
    tags={GOLD_CHOICE: AS_MAIN},
    description="Trains the branch's models on the gold that main's were trained on, and compares them with main's.",
)

development_jobs = [full_flow, ingest, train, predict]
branch_jobs = [branch_train, validate, predict]
check_releases = dg.define_asset_job(
    "check_releases",
    selection=_check,
    description="Completes a move that was cut off, then compares git, plans, aliases, versions and gold.",
)

production_jobs = [release, *move_jobs, reproduce, check_releases]
