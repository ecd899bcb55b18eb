"""Dagster's web server asked as its own UI asks it: the queries are those of its buttons."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines_tests.dagster_graphql import ask_dagster

if TYPE_CHECKING:
    from dagster import AssetKey

_TARGET = """query ($assets: [AssetKeyInput!]!) { assetNodes(assetKeys: $assets) {
  jobNames repository { name location { name } } } }"""
_PARTITION = """query ($selector: PipelineSelector!, $partition: String!, $assets: [AssetKeyInput!]) {
  pipelineOrError(params: $selector) { ... on Pipeline { partition(partitionName: $partition,
    selectedAssetKeys: $assets) {
    tagsOrError { ... on PartitionTags { results { key value } } }
    runConfigOrError { ... on PartitionRunConfig { yaml } } } } } }"""
_LAUNCH = """mutation ($executionParams: ExecutionParams!) {
  launchPipelineExecution(executionParams: $executionParams) { __typename
    ... on LaunchRunSuccess { run { runId } } ... on Error { message } } }"""
_RUN_AGAIN = """mutation ($reexecutionParams: ReexecutionParams!) {
  launchRunReexecution(reexecutionParams: $reexecutionParams) { __typename
    ... on LaunchRunSuccess { run { runId } } ... on Error { message } } }"""
_BACKFILL = """mutation ($backfillParams: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $backfillParams) { __typename
    ... on LaunchBackfillSuccess { backfillId } ... on Error { message } } }"""
_BACKFILL_STATUS = """query ($id: String!) { partitionBackfillOrError(backfillId: $id) {
  ... on PartitionBackfill { status } } }"""
_MADE = """query ($asset: AssetKeyInput!, $partition: String!) { assetOrError(assetKey: $asset) { ... on Asset {
  assetMaterializations(limit: 1, partitions: [$partition]) { runId partition metadataEntries { label
    ... on IntMetadataEntry { intValue } ... on TableMetadataEntry { table { records } } } } } } }"""


@dataclass(frozen=True)
class DagsterUi:
    """The UI's web server at an address."""

    address: str

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data of a GraphQL query or mutation, which must have no errors."""
        return ask_dagster(self.address, query, **variables)

    def materialize(self, partition: str, *assets: AssetKey) -> str:
        """Button "Materialize" of the assets with one partition chosen, and "Launch 1 run"; the run's id."""
        keys, job, repository = self._target(assets)
        selector = {**repository, "pipelineName": job, "assetSelection": keys, "assetCheckSelection": []}
        found = self.ask(_PARTITION, selector=selector, partition=partition, assets=keys)
        of_partition = found["pipelineOrError"]["partition"]
        tags, config = of_partition["tagsOrError"]["results"], of_partition["runConfigOrError"]["yaml"]
        return self._launched(selector, tags, config)

    def launch(self, job: str, partition: str, config: Mapping[str, Any]) -> str:
        """A job of production with that config, as docs/requests.md says; the run's id."""
        selector = {"repositoryLocationName": "production", "repositoryName": "__repository__", "pipelineName": job}
        return self._launched(selector, [{"key": "dagster/partition", "value": partition}], json.dumps(config))

    def run_again(self, run: str) -> str:
        """Button "Re-execute", "From failure", of a run; the new run's id."""
        chosen = {"parentRunId": run, "strategy": "FROM_FAILURE"}
        answer = self.ask(_RUN_AGAIN, reexecutionParams=chosen)["launchRunReexecution"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return answer["run"]["runId"]

    def backfill(self, partitions: list[str], *assets: AssetKey) -> str:
        """Button "Materialize" with several partitions chosen, and "Launch backfill"; the backfill's id."""
        keys, _, _ = self._target(assets)
        chosen = {"tags": [], "assetSelection": keys, "partitionNames": partitions, "fromFailure": False}
        answer = self.ask(_BACKFILL, backfillParams=chosen)["launchPartitionBackfill"]
        assert answer["__typename"] == "LaunchBackfillSuccess", answer
        return answer["backfillId"]

    def ended_backfill(self, backfill: str) -> str | None:
        """How the backfill has ended; None while it goes on."""
        status = self.ask(_BACKFILL_STATUS, id=backfill)["partitionBackfillOrError"]["status"]
        return None if status == "REQUESTED" else status

    def newest(self, partition: str, asset: AssetKey) -> tuple[str, dict[str, Any]]:
        """The newest materialization of the partition: its run, and its metadata by label."""
        found = self.ask(_MADE, asset={"path": list(asset.path)}, partition=partition)
        [made] = found["assetOrError"]["assetMaterializations"]
        return made["runId"], {each["label"]: each for each in made["metadataEntries"]}

    def _launched(self, selector: Mapping[str, Any], tags: list[dict[str, str]], config: str) -> str:
        parameters = {"mode": "default", "executionMetadata": {"tags": tags}, "runConfigData": config}
        answer = self.ask(_LAUNCH, executionParams={**parameters, "selector": selector})["launchPipelineExecution"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return answer["run"]["runId"]

    def _target(self, assets: Sequence[AssetKey]) -> tuple[list[dict[str, Any]], str, dict[str, str]]:
        """Keys of the assets, the first job that all have, and where they are loaded: what the UI looks up first."""
        keys = [{"path": list(asset.path)} for asset in assets]
        nodes = self.ask(_TARGET, assets=keys)["assetNodes"]
        assert len(nodes) == len(keys), nodes
        job = next(name for name in nodes[0]["jobNames"] if all(name in node["jobNames"] for node in nodes))
        found = nodes[0]["repository"]
        where = {"repositoryName": found["name"], "repositoryLocationName": found["location"]["name"]}
        return keys, job, where
