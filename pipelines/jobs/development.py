"""Jobs of the development location: sessions to gold, gold to models, models to predictions."""

from __future__ import annotations

import dagster as dg

from pipelines.branches import AS_MAIN, GOLD_CHOICE
from pipelines.checks.training import training_checks
from pipelines.jobs.costs import cost_job
from pipelines.jobs.side_by_side import side_by_side

_tables = dg.AssetSelection.groups("bronze", "silver", "gold")
_before_training = dg.AssetSelection.checks(training_checks)
_models = dg.AssetSelection.groups("dev_models")
_predictions = dg.AssetSelection.groups("predictions")

ingest = dg.define_asset_job(
    "ingest",
    selection=_tables - _before_training,
    description="Takes the uploads of one day from the landing zone to gold.",
)

train = dg.define_asset_job(
    "train",
    executor_def=side_by_side,
    selection=_models | _before_training,
    description="Trains, evaluates and registers every model on gold, if gold is fit for it.",
)

predict = dg.define_asset_job(
    "predict",
    executor_def=side_by_side,
    selection=_predictions,
    description="Lets each model judge the gold sessions that its version has not judged yet.",
)

full_flow = dg.define_asset_job(
    "full_flow",
    executor_def=side_by_side,
    selection=_tables | _models | _predictions,
    description="The main job: one day's uploads to gold, then models trained on all of gold, then predictions.",
)

branch_train = dg.define_asset_job(
    "train",
    executor_def=side_by_side,
    selection=_models,
    description="Trains, evaluates and registers the branch's own models on shared gold.",
)

validate = dg.define_asset_job(
    "validate",
    executor_def=side_by_side,
    selection=_models,
    tags={GOLD_CHOICE: AS_MAIN},
    description="Trains the branch's models on the gold that main's were trained on, and compares them with main's.",
)

costs = cost_job("development")
development_jobs = [full_flow, ingest, train, predict, costs]
branch_jobs = [branch_train, validate, predict]
