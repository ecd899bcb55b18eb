"""Gate: not worse than the champion, on the sessions that both were judged by."""

from __future__ import annotations

from pipelines.models.manifest import Manifest
from pipelines.models.session_scoring import SessionScoring
from pipelines.releases.gates.candidate import Candidate
from pipelines.releases.gates.pairs import compare, too_much_worse
from pipelines.releases.gates.primary_metric import CannotCompareError, comparable_pairs, primary_metric
from pipelines.releases.gates.result import GateResult, failed, not_judged, passed

GATE = "not_worse_than_champion"


def judge(
    manifest: Manifest, scoring: SessionScoring | None, candidate: Candidate, champion: Candidate | None
) -> GateResult:
    """The primary metric in pairs, with a confidence interval; without a champion the thresholds decide alone."""
    if champion is None:
        return not_judged(GATE, "there is no champion yet: the thresholds decide alone.")
    gates, metric = manifest.gates, primary_metric(manifest)
    try:
        pairs = comparable_pairs(manifest, scoring, candidate, champion)
    except CannotCompareError as error:
        return not_judged(GATE, f"not compared, the thresholds decide alone: {error}.")
    if len(pairs) < gates.minimum_sessions:
        return not_judged(
            GATE,
            f"{len(pairs)} sessions were judged by both, too few to compare ({gates.minimum_sessions} are asked for).",
        )
    assert scoring is not None  # otherwise there are no pairs
    found = compare(scoring, pairs, metric.plain, more_is_better=metric.more_is_better, confidence=gates.confidence)
    if found is None:
        return not_judged(GATE, f"{metric.name} is undefined on the {len(pairs)} sessions that both were judged by.")
    shown = (
        f"{metric.name} is {found.candidate:.4g}, version {champion.version}'s is {found.champion:.4g} on the same "
        f"{found.sessions} sessions ({gates.confidence:.0%} interval of the gain: {found.lowest:+.3g} to "
        f"{found.highest:+.3g})"
    )
    if (problem := too_much_worse(found, gates.margin)) is not None:
        return failed(GATE, f"{shown}: {problem}.", found.numbers)
    doubt = f"; a loss of {-found.lowest:.3g} cannot be excluded" if found.lowest < -gates.margin else ""
    return passed(GATE, f"{shown}{doubt}.", found.numbers)
