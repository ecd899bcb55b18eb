"""Making a version once more, as a job of one step that runs the code of the version's commit.

What came of it is an observation of the model's asset. Nothing is registered, and nothing moves.
"""

import dagster as dg

from pipelines.engines.engine import Engine
from pipelines.releases.run_tags import COMMIT
from pipelines.settings import Settings

EQUAL, FOUND = "equal", "found"
"""Metadata of the observation: whether all is equal, and the answer in words."""
STEP = "reproduce_version"
_MEANING = "Makes a registered version once more from its provenance alone, and says whether the same comes of it."


class VersionToReproduce(dg.Config):
    """Which version. The run's tag `pipelines/commit` must be the version's commit, so that its code runs."""

    model: str
    version: int


@dg.op(name=STEP, description=_MEANING, pool="releases")
def reproduce_version(
    context: dg.OpExecutionContext,
    config: VersionToReproduce,
    engine: dg.ResourceParam[Engine],
    settings: dg.ResourceParam[Settings],
    step_launcher: dg.ResourceParam[object],
) -> None:
    """Trains once more, compares, and tells."""
    from pipelines.releases.reproduce import NotReproducibleError, reproduce
    from pipelines.tables.attestation import UnattestedHistoryError

    commit = context.run.tags.get(COMMIT, "")
    try:
        found = reproduce(config.model, config.version, commit, engine, settings, context.log.info)
    except (NotReproducibleError, UnattestedHistoryError, ValueError) as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    context.log.info(found.sentence)
    context.log_event(
        dg.AssetObservation(
            [*settings.model_schema.split("."), config.model],
            partition=commit,
            description=found.sentence,
            metadata={
                "version": config.version,
                EQUAL: found.is_equal,
                FOUND: found.sentence,
                "gold_versions": dg.MetadataValue.json(dict(found.gold_versions)),
                "differences": dg.MetadataValue.json(list(found.differences)),
                "made_otherwise": dg.MetadataValue.json(list(found.made_otherwise)),
            },
        )
    )


@dg.job(name="reproduce", description=_MEANING)
def reproduce() -> None:
    """The job."""
    reproduce_version()
