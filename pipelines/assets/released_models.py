"""Models for customers: trained for one release on the gold pinned for it, registered, and put to every gate.

Built from the manifests alone, like development's. A gate that fails does not fail the step: the set as a whole is
judged once all of its models have been.
"""

import dagster as dg

from pipelines.assets.models import (
    attributes_of,
    beats_rule_result,
    beats_rule_spec,
    gold_of,
    metric_rows,
    model_key,
    version_metadata,
)
from pipelines.assets.releases import REQUESTED
from pipelines.engines.engine import Engine
from pipelines.models.manifest import Manifest
from pipelines.partitions import RELEASES
from pipelines.releases.run_tags import OUTCOME
from pipelines.settings import Settings

GATES = {
    "meets_thresholds": "Every metric is within its manifest's bounds.",
    "not_worse_than_champion": "On the same held-out sessions it is no worse than the champion, beyond its margin.",
    "no_slice_worse": "No aircraft type, customer or source format fares worse than allowed.",
    "signature_is_compatible": "Callers of the champion can call it as they do.",
    "within_size_budget": "The artifact is no larger than allowed.",
    "answers_in_a_clean_process": "The registered artifact answers by itself, as it did when it was trained.",
    "within_latency_budget": "It loads and answers within its budget.",
}
"""Names and meanings, in the order of `pipelines.releases.gates.every_gate`, which must not be imported here."""


def released_model_asset(manifest: Manifest, settings: Settings) -> dg.AssetsDefinition:
    """The asset of one model; each partition is a release, each materialization a registered version."""
    key = model_key(manifest, settings)

    @dg.asset(
        key=key,
        deps=[*gold_of(manifest), REQUESTED],
        partitions_def=RELEASES,
        pool="releases",
        check_specs=[
            *(dg.AssetCheckSpec(name, asset=key, description=meaning) for name, meaning in GATES.items()),
            beats_rule_spec(key),
        ],
        **attributes_of(manifest, settings),
    )
    def model(
        context: dg.AssetExecutionContext,
        engine: dg.ResourceParam[Engine],
        settings: dg.ResourceParam[Settings],
        step_launcher: dg.ResourceParam[object],
    ) -> dg.MaterializeResult:
        from pipelines.releases.blame import GOLD_FAULTS, fault_of_commit
        from pipelines.releases.candidates import train_and_judge
        from pipelines.releases.entry import By
        from pipelines.releases.site import open_releases

        releases, release = open_releases(engine, settings), context.partition_key
        record = releases.journal.read()
        try:
            found = train_and_judge(manifest.name, release, record, engine, settings, context.run_id, context.log.info)
        except Exception as error:
            is_of_gold = isinstance(error, GOLD_FAULTS)
            fault = str(error) if is_of_gold else fault_of_commit(error, manifest.name)
            if fault is None:
                raise
            if record.on_its_way == release:  # refused, so that another attempt is requested on the gold of its time
                releases.refuse(release, [manifest.name], By(f"run {context.run_id[:8]}", fault))
            outcome = "gold" if is_of_gold else "refused"
            raise dg.Failure(fault, metadata={OUTCOME: outcome}, allow_retries=False) from error
        rows = metric_rows(manifest, found.trained.metrics, found.trained.baseline_metrics)
        return dg.MaterializeResult(
            metadata={
                **version_metadata(found.trained, rows, manifest),
                "judged_against_version": found.champion or "no champion yet",
            },
            check_results=[
                *(
                    dg.AssetCheckResult(
                        check_name=result.gate,
                        passed=result.passed,
                        description=result.sentence,
                        metadata={name: float(value) for name, value in result.numbers.items()},
                    )
                    for result in found.results
                ),
                beats_rule_result(rows),
            ],
        )

    return model
