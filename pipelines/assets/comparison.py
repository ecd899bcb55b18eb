"""A branch's model beside `main`'s: which gold it is trained on, and what its materialization tells of the two."""

from typing import TYPE_CHECKING, Any, NamedTuple

import dagster as dg

from pipelines.branches import AS_MAIN, GOLD_CHOICE, VALIDATION
from pipelines.models.manifest import Manifest
from pipelines.settings import Settings

if TYPE_CHECKING:
    from pipelines.training.registry import TrainedModel

CHECK = "not_worse_than_main"


class BesideMain(NamedTuple):
    """What the asset adds to its own; nothing off a branch."""

    metadata: dict[str, Any]
    check_results: list[dg.AssetCheckResult]


def comparison_specs(key: dg.AssetKey, settings: Settings) -> list[dg.AssetCheckSpec]:
    """The check that a branch's model has beside those of every model."""
    if settings.branch is None:
        return []
    words = "Its primary metric is not worse than main's by more than a release would admit, on the same sessions."
    return [dg.AssetCheckSpec(CHECK, asset=key, description=words)]


def chosen_gold(context: dg.AssetExecutionContext, manifest: Manifest, settings: Settings) -> dict[str, int] | None:
    """The gold versions to train on; None for the newest."""
    if settings.branch is None or context.run.tags.get(GOLD_CHOICE) != AS_MAIN:
        return None
    from pipelines.validation.main_model import gold_of_main

    versions = gold_of_main(settings, manifest)
    context.log.info("training on the newest gold" if versions is None else f"training on main's gold {versions}")
    return versions


def compared(manifest: Manifest, trained: "TrainedModel", settings: Settings) -> BesideMain:
    """The trained version beside the one that `main` uses, if this is a branch."""
    if settings.branch is None:
        return BesideMain({}, [])
    from pydantic import TypeAdapter

    from pipelines.validation.comparison import Validation
    from pipelines.validation.registered import validate_version
    from pipelines.validation.report import as_markdown, remarks

    found = validate_version(settings, manifest, trained)
    plain = TypeAdapter(Validation).dump_python(found, mode="json")
    metadata = {
        VALIDATION: dg.MetadataValue.json(plain),
        "beside_main": dg.MetadataValue.md(as_markdown(settings.branch, [found])),
    }
    result = dg.AssetCheckResult(
        check_name=CHECK,
        passed=found.worse_than_main is None,
        severity=dg.AssetCheckSeverity.WARN,
        description=" ".join(remarks(found)),
    )
    return BesideMain(metadata, [result])
