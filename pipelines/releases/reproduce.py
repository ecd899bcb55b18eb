"""A version made once more from its provenance alone, and whether the same came of it. Registers and moves nothing.

The code that runs is taken to be the version's commit's: whoever calls this sees to it. Where it is not, or where the
environment is another, that is told beside whatever came out.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.models.manifest import Manifest, load_manifests
from pipelines.models.protocol import load_model_code
from pipelines.releases.gates.candidate import Candidate
from pipelines.releases.gold_state import gold_state
from pipelines.releases.registry import MlflowRegistry, Version
from pipelines.releases.same_results import differences
from pipelines.settings import Settings
from pipelines.tables.contract import TableName
from pipelines.tables.history import history, log_state_matches
from pipelines.training.gold import read_gold
from pipelines.training.identity import identity_of
from pipelines.training.making import make_model

if TYPE_CHECKING:
    from pipelines.engines.engine import Engine

_PARTS = {
    "code_digest": "the code is not that of the version",
    "environment_digest": "the environment (interpreter, libraries, engine or lock file) is another",
    "parameters_digest": "the parameters are others",
}


class NotReproducibleError(LookupError):
    """What the version was made from is not to be had any more; the message says what, and since when if known."""


@dataclass(frozen=True)
class Reproduction:
    """What came of making a version once more."""

    model: str
    version: int
    release: str
    gold_versions: Mapping[str, int]
    made_otherwise: tuple[str, ...]
    """How it was made otherwise than the version was, a sentence each: code, environment, parameters."""
    differences: tuple[str, ...]
    """What came out otherwise, a sentence each: metrics, predictions, session scores."""
    compared: str
    """What was compared, in words."""
    remarks: tuple[str, ...] = ()

    @property
    def is_equal(self) -> bool:
        """Whether all that was compared is equal, to the last digit."""
        return not self.differences

    @property
    def sentence(self) -> str:
        """The answer for a person."""
        name = f"{self.model} version {self.version}"
        how = "".join(f" {one}" for one in (*self.made_otherwise, *self.remarks))
        if self.is_equal:
            return f"{name} was made again, and is equal: {self.compared}.{how}"
        return f"{name} was made again, and differs: {' '.join(self.differences)}{how}"


def reproduce(
    model: str, version: int, commit: str, engine: Engine, settings: Settings, say: Callable[[str], None]
) -> Reproduction:
    """Make the version again: the running code, the Delta versions that it names, the parameters of its manifest.

    Args:
        commit: whose code is running.
        say: told a short sentence at each stage.

    Raises:
        NotReproducibleError: there is no such version, no release made it, or its gold or its model is gone.
        ValueError: the code that runs is another commit's.
        UnattestedHistoryError: gold holds a change, up to that version, that no checked run vouches for.
    """
    registry = MlflowRegistry(settings)
    known = _known(registry, model, version)
    assert known.release is not None
    if known.release != commit:
        raise ValueError(
            f"{model} version {version} is of commit {known.release}, and the code of {commit or 'no commit'} runs: "
            "give the run that commit as its tag `pipelines/commit`."
        )
    if (manifest := load_manifests().get(model)) is None:
        raise NotReproducibleError(f"commit {commit[:12]} has no model {model}: its provenance is wrong.")
    remarks = _require_gold(engine, manifest, known)
    say("reading gold as it was")
    gold = read_gold(engine, manifest, known.gold_versions)
    now = identity_of(manifest, engine.name, gold.versions, commit).tags
    made = make_model(manifest, load_model_code(model), gold, engine, settings, say)
    say("comparing")
    with tempfile.TemporaryDirectory(prefix="reproduce-") as folder:
        before = registry.candidate(model, version, Path(folder))
        return Reproduction(
            model=model,
            version=version,
            release=commit,
            gold_versions=dict(gold.versions),
            made_otherwise=tuple(
                f"Beware: {words} (digest {known.tags.get(part)} then, {now[part]} now)."
                for part, words in _PARTS.items()
                if known.tags.get(part) != now[part]
            ),
            differences=tuple(differences(before, made)),
            compared=_compared(before),
            remarks=remarks,
        )


def _known(registry: MlflowRegistry, model: str, version: int) -> Version:
    found = registry.version(model, version)
    if found is None:
        raise NotReproducibleError(f"{model} has no version {version} in the registry.")
    if found.release is None or not found.gold_versions:
        raise NotReproducibleError(f"{model} version {version} does not say where it comes from: no release made it.")
    return found


def _require_gold(engine: Engine, manifest: Manifest, known: Version) -> tuple[str, ...]:
    """Remarks on gold that was restored since.

    Raises:
        NotReproducibleError: a Delta version that the version was trained on is gone.
    """
    if set(manifest.gold_tables) != set(known.gold_versions):
        raise NotReproducibleError(
            f"{manifest.name} version {known.version} was trained on {', '.join(sorted(known.gold_versions))}, and the "
            f"code asks for {', '.join(sorted(manifest.gold_tables))}: it is not that of the version."
        )
    gone, remarks = [], []
    for table, number in sorted(known.gold_versions.items()):
        if (why := _why_gone(engine, table, number)) is not None:
            gone.append(f"{table} version {number}: {why}")
        elif gold_state(engine, [table])[table].vanished(number):
            remarks.append(f"Beware: {table} was restored since; version {number} was read from its history.")
    if gone:
        raise NotReproducibleError(
            f"{manifest.name} version {known.version} cannot be made again: gold no longer has what it was trained "
            f"on. {' '.join(gone)}"
        )
    return tuple(remarks)


def _why_gone(engine: Engine, table: str, version: int) -> str | None:
    name = TableName.of(table)
    if not engine.exists(name):
        return "the table does not exist any more."
    held = [commit.version for commit in history(engine, name)]
    if version > max(held, default=-1):
        return f"the table was made anew since, and is at version {max(held, default=-1)}."
    if version not in held:
        return "its commit was removed from the table's log."
    problem = log_state_matches(engine, name, version)
    return None if problem is None else f"its files were removed (`VACUUM`) or damaged: {problem}"


def _compared(before: Candidate) -> str:
    return (
        f"{len(before.metrics)} metrics, {len(before.example_predictions)} predictions of the input example, scores of "
        f"{len(before.session_scores)} held-out sessions"
    )
