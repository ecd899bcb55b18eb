"""Two data scientists work on branches of their own at the same time, on the gold that everyone shares."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance, RunsFilter
from deltalake import DeltaTable

from pipelines.environments import settings_from
from pipelines.remote import workspace_client
from pipelines.settings import Settings
from pipelines.training.registry import CHAMPION, GOLD_TAG, connect
from pipelines_tests.end_to_end.environment import environment_in, finish, start_dagster, start_job, upload_sessions
from pipelines_tests.end_to_end.tiny_repository import MODEL, TinyRepository, model_files

pytestmark = pytest.mark.slow

ANSWERS = {"ana": 0.25, "ben": 0.75}
"""Branch to what its model answers to everything, so that each row tells whose it is."""
MAIN = "main"
PREDICTIONS, JUDGEMENTS = f"{MODEL}_judgements", "session_judgements"
_PREDICTED = '"fast_probability": probabilities'

Row = dict[str, Any]


@dataclass(frozen=True)
class World:
    """What `main` had before the branches began, and everyone's settings to see what there is now."""

    settings: dict[str, Settings]
    """Of `main` and of each branch."""
    shared_files: dict[Path, tuple[int, int]]
    main_version: Row

    def tables(self, who: str) -> dict[str, list[Row]]:
        """The rows of each table in the schema."""
        catalog, schema = self.settings[who].prediction_schema.split(".")
        logs = (self.settings[who].tables / catalog / schema).glob("*/_delta_log")
        return {log.parent.name: DeltaTable(str(log.parent)).to_pyarrow_table().to_pylist() for log in logs}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """After both have trained and predicted, while the other did."""
    folder = tmp_path_factory.mktemp("branches")
    with environment_in(folder / "home") as main:
        # These two fall into the parts that training and judging need; the part follows from the file's digest.
        upload_sessions(main, count=2, first_seed=5)
        people = TinyRepository(folder / "people")
        people.commit(model_files())
        finish(start_job(main, "ingest", checkout=people.work))
        # Not the job `train`: on main that asks for more gold than two flights.
        assets = f"dev/models/{MODEL},dev/predictions/{PREDICTIONS}"
        finish(start_dagster(main, "asset", "materialize", "--select", assets, checkout=people.work))
        own = {name: settings_from({"PIPELINES_HOME": str(main.home), "PIPELINES_BRANCH": name}) for name in ANSWERS}
        found = World({MAIN: main, **own}, shared_files(main), only_version(main))
        checkouts = [checkout_of(people.work, folder / name, answer) for name, answer in ANSWERS.items()]
        with ThreadPoolExecutor(len(own)) as together:
            list(together.map(work, own.values(), checkouts))
        yield found


def checkout_of(original: Path, folder: Path, answer: float) -> Path:
    """A copy of the checkout whose model answers that: changed by its owner and not committed."""
    # Times of files stay, so that one workspace serves all: it is started anew for another version of its own code.
    shutil.copytree(original, folder)
    code = folder / "pipelines" / "models" / MODEL / "model.py"
    text = code.read_text(encoding="utf-8")
    assert _PREDICTED in text
    code.write_text(text.replace(_PREDICTED, f'"fast_probability": np.full(len(features), {answer})'), encoding="utf-8")
    return folder


def work(own: Settings, checkout: Path) -> None:
    """Train the branch's model and let it judge gold."""
    for job in ("train", "predict"):
        tags = json.dumps({"of": own.branch})
        finish(start_dagster(own, "job", "execute", "-j", job, "--tags", tags, checkout=checkout))


def shared_files(main: Settings) -> dict[Path, tuple[int, int]]:
    """Size and time of every file of gold, of all before it, and of the tables of `main`'s models."""
    folders = [main.tables / "main", *(main.tables / "dev" / schema for schema in ("models", "predictions"))]
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    return {file: (file.stat().st_size, file.stat().st_mtime_ns) for file in files}


def only_version(settings: Settings) -> Row:
    """The only version of the model in the schema, and all that the registry knows of it."""
    client, name = connect(settings), f"{settings.model_schema}.{MODEL}"
    [version] = client.search_model_versions(f"name='{name}'")
    model = client.get_registered_model(name)
    return {**dict(version), "champion": model.aliases.get(CHAMPION), "model_changed": model.last_updated_timestamp}


def test_they_trained_at_the_same_time(world: World):
    spans = []
    with DagsterInstance.from_config(str(world.settings[MAIN].dagster_home)) as instance:
        for name in ANSWERS:
            [run] = instance.get_run_records(RunsFilter(job_name="train", tags={"of": name}))
            spans.append((run.start_time or 0, run.end_time or 0))
    assert max(began for began, _ in spans) < min(ended for _, ended in spans), spans


def test_each_has_one_version_of_a_model_of_its_own(world: World):
    names = [model.name for model in connect(world.settings[MAIN]).search_registered_models()]
    assert sorted(names) == [f"dev.dev_ana.{MODEL}", f"dev.dev_ben.{MODEL}", f"dev.models.{MODEL}"]
    versions = {who: only_version(settings) for who, settings in world.settings.items()}
    assert {(str(one["version"]), str(one["champion"])) for one in versions.values()} == {("1", "1")}
    for tag in ("training_identity", "code_digest"):
        assert len({one["tags"][tag] for one in versions.values()}) == 3, tag
    assert len({one["tags"][GOLD_TAG] for one in versions.values()}) == 1


@pytest.mark.parametrize("who", ANSWERS)
def test_the_tables_of_each_hold_the_answers_of_its_own_model_alone(world: World, who: str):
    tables = world.tables(who)
    assert set(tables) == {PREDICTIONS, JUDGEMENTS}
    assert {row["fast_probability"] for row in tables[PREDICTIONS]} == {ANSWERS[who]}
    for rows in tables.values():
        assert {row["model_name"] for row in rows} == {f"dev.dev_{who}.{MODEL}"}
    of_main = {row["session_id"] for row in world.tables(MAIN)[JUDGEMENTS]}
    assert len(of_main) == 2
    assert {row["session_id"] for row in tables[JUDGEMENTS]} == of_main


def test_names_keep_them_apart_and_no_grant(world: World):
    client = workspace_client(world.settings[MAIN])
    principal = client.current_user.me()
    assert principal.display_name == "pipelines-development"
    owners = {schema.name: schema.owner for schema in client.schemas.list("dev")}
    assert {name: owner for name, owner in owners.items() if name and name.startswith("dev_")} == dict.fromkeys(
        ("dev_ana", "dev_ben"), principal.user_name
    )


def test_gold_and_what_main_has_are_as_they_were(world: World):
    assert shared_files(world.settings[MAIN]) == world.shared_files
    assert only_version(world.settings[MAIN]) == world.main_version
