"""Registered models as releases see them: plans, aliases, versions and what they were judged by, in MLflow.

Within Unity Catalog's rules: snake_case tags of at most 1000 characters, no stages, searches with one filter and
without order. The only module of the releases that knows MLflow.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from pipelines.releases.completion import Registered
from pipelines.releases.gates.candidate import Candidate
from pipelines.releases.gates.result import GateResult
from pipelines.releases.plan import LONGEST_TAG, PLAN_TAG, Alias, InvalidPlanError, Plan, plan_from_json
from pipelines.releases.provenance import APPROVED_BY, missing_provenance
from pipelines.settings import Settings
from pipelines.training.registration import runs_of, versions_of
from pipelines.training.registry import (
    BASELINE_PREFIX,
    EXAMPLE_PREDICTIONS_FILE,
    GOLD_TAG,
    IDENTITY_TAG,
    READY,
    SESSION_SCORES_FILE,
    UnknownModelVersionError,
    connect,
    registered_name,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

GATES_TAG = "gates"
"""On a version: whether it passed them when it was last judged."""

_ABSENT = "RESOURCE_DOES_NOT_EXIST"


@dataclass(frozen=True)
class Version:
    """One registered version. `problem` says why it may not serve; empty if it may."""

    version: int
    release: str | None
    gold_versions: Mapping[str, int]
    tags: Mapping[str, str]
    problem: str = ""


class MlflowRegistry:
    """The registry of the environment; `model` is everywhere the name of the model's folder."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def registered(self, model: str) -> Registered:
        """The model's plan and aliases; the empty plan where it was never released or registered."""
        import mlflow

        try:
            found = self._client().get_registered_model(self._name(model))
        except mlflow.MlflowException as error:
            if error.error_code == _ABSENT:
                return Registered(Plan(), {})
            raise
        aliases = {alias: int(version) for alias, version in found.aliases.items()}
        text = found.tags.get(PLAN_TAG)
        if text is None:
            return Registered(Plan(), aliases)
        try:
            return Registered(plan_from_json(text), aliases)
        except InvalidPlanError as error:
            return Registered(None, aliases, str(error))

    def write_plan(self, model: str, plan: Plan) -> None:
        """Write the tag that holds the plan."""
        self._client().set_registered_model_tag(self._name(model), PLAN_TAG, plan.to_json())

    def point_alias(self, model: str, alias: Alias, version: int) -> None:
        """Make the alias name the version."""
        self._client().set_registered_model_alias(self._name(model), alias, str(version))

    def drop_alias(self, model: str, alias: Alias) -> None:
        """Remove the alias."""
        self._client().delete_registered_model_alias(self._name(model), alias)

    def why_unfit(self, model: str, version: int) -> str | None:
        """Why the version may not serve; None if it may.

        It must exist, be READY, say where it comes from, and be the one version of its release key: the others are
        left over from registrations that raced, and are never used.
        """
        found = self._version(model, version)
        if found is None:
            return "it is not in the registry"
        return self._problem(model, found) or None

    def versions(self, model: str) -> list[Version]:
        """Every version of the model, ascending, with what is wrong with it."""
        # A search gives no tags in Unity Catalog, and no order.
        found = [self._version(model, number) for number in sorted(self._numbers(model))]
        return [self._described(model, one) for one in found if one is not None]

    def version(self, model: str, number: int) -> Version | None:
        """One version of the model; None if there is no such one."""
        found = self._version(model, number)
        return None if found is None else self._described(model, found)

    def tags(self, model: str, number: int) -> Mapping[str, str] | None:
        """The tags of one version; None if there is no such one. A single look, where `version` judges it as well."""
        found = self._version(model, number)
        return None if found is None else dict(found.tags)

    def orphans(self, model: str) -> dict[int, str]:
        """Versions that never serve, and why."""
        return {one.version: one.problem for one in self.versions(model) if one.problem}

    def version_of(self, model: str, identity: str) -> int | None:
        """The version of a release key (`pipelines.training.identity`), found by the tag of its run."""
        versions = versions_of(self.settings, model, identity)
        return versions[0] if versions else None

    def unregistered_runs(self, model: str, identity: str) -> dict[str, str]:
        """Runs of a release key that gave no version, with their status: what a crash has left."""
        client = self._client()
        runs = runs_of(self.settings, model, identity)
        return {run: status for run, status in runs.items() if not client.search_model_versions(f"run_id='{run}'")}

    def approve(self, model: str, version: int, person: str) -> None:
        """Write on the version who approved of it.

        Raises:
            ValueError: no name, or one that a tag cannot hold.
        """
        if not 0 < len(person.strip()) <= LONGEST_TAG:
            raise ValueError(f"the name of who approves has {len(person)} characters: give 1 to {LONGEST_TAG}.")
        self._client().set_model_version_tag(self._name(model), str(version), APPROVED_BY, person.strip())

    def candidate(self, model: str, version: int, folder: Path) -> Candidate:
        """All that the gates look at; the artifact is copied into `folder`.

        Raises:
            UnknownModelVersionError: there is no such version.
        """
        from mlflow.artifacts import download_artifacts

        found = self._version(model, version)
        if found is None:
            raise UnknownModelVersionError(
                f"{self._name(model)} has no version {version} in {self.settings.registry_uri}. Train it first."
            )
        run = self._client().get_run(str(found.run_id))
        folder.mkdir(parents=True, exist_ok=True)
        artifact = Path(download_artifacts(f"models:/{self._name(model)}/{version}", dst_path=str(folder)))
        return Candidate(
            model=model,
            version=version,
            metrics={key: value for key, value in run.data.metrics.items() if not key.startswith(BASELINE_PREFIX)},
            session_scores=self._document(str(found.run_id), SESSION_SCORES_FILE).get("sessions", []),
            signature=_signature(artifact),
            folder=artifact,
            example_predictions=self._document(str(found.run_id), EXAMPLE_PREDICTIONS_FILE).get("predictions", []),
        )

    def keep_results(self, model: str, version: int, against: int | None, results: Sequence[GateResult]) -> None:
        """Keep, beside the version, what the gates said of it when `against` was champion."""
        found = self._version(model, version)
        assert found is not None, "only a registered version was judged"
        self._client().log_dict(
            str(found.run_id), {"results": [asdict(result) for result in results]}, _results_file(against)
        )
        passed = "passed" if all(result.passed for result in results) else "failed"
        self._client().set_model_version_tag(self._name(model), str(version), GATES_TAG, passed)

    def results(self, model: str, version: int, against: int | None) -> list[GateResult]:
        """What `keep_results` kept; nothing if the version was not judged against that champion."""
        found = self._version(model, version)
        kept = self._document(str(found.run_id), _results_file(against)) if found is not None else {}
        return [GateResult(**result) for result in kept.get("results", [])]

    def _client(self) -> MlflowClient:
        return connect(self.settings)

    def _name(self, model: str) -> str:
        return registered_name(self.settings, model)

    def _version(self, model: str, version: int) -> ModelVersion | None:
        import mlflow

        try:
            return self._client().get_model_version(self._name(model), str(version))
        except mlflow.MlflowException as error:
            if error.error_code == _ABSENT:
                return None
            raise

    def _numbers(self, model: str) -> list[int]:
        numbers, token = [], None
        while True:
            page = self._client().search_model_versions(f"name='{self._name(model)}'", page_token=token)
            numbers += [int(one.version) for one in page]
            token = page.token
            if not token:
                return numbers

    def _described(self, model: str, found: ModelVersion) -> Version:
        tags = dict(found.tags)
        return Version(
            version=int(found.version),
            release=tags.get("commit"),
            gold_versions=json.loads(tags.get(GOLD_TAG, "{}")),
            tags=tags,
            problem=self._problem(model, found),
        )

    def _problem(self, model: str, found: ModelVersion) -> str:
        if found.status != READY:
            return f"it is {found.status}, not {READY}: its registration was cut off"
        if missing := missing_provenance(found.tags):
            return f"it does not say where it comes from ({', '.join(missing)} missing), so no release made it"
        twins = versions_of(self.settings, model, found.tags[IDENTITY_TAG])
        if int(found.version) not in twins:
            return "its run is gone or says something else than it does"
        if twins[0] != int(found.version):
            return f"it is left over from a registration that raced: version {twins[0]} is the one of its release key"
        return ""

    def _document(self, run_id: str, file: str) -> dict[str, Any]:
        from mlflow.artifacts import load_dict

        client, folder = self._client(), str(PurePosixPath(file).parent)
        listed = client.list_artifacts(run_id, None if folder == "." else folder)
        if not any(artifact.path == file for artifact in listed):
            return {}
        return load_dict(f"{client.get_run(run_id).info.artifact_uri}/{file}")


def _results_file(against: int | None) -> str:
    return f"gates/against_{'none' if against is None else against}.json"


def _signature(artifact: Path) -> dict[str, Any]:
    import yaml

    model = yaml.safe_load((artifact / "MLmodel").read_text(encoding="utf-8"))
    signature = model.get("signature") or {}
    return {side: json.loads(signature[side]) for side in ("inputs", "outputs") if signature.get(side)}
