"""Gate: no kind of session, aircraft or customer pays for what the others gain."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.models.manifest import Manifest
from pipelines.models.session_scoring import SessionScoring
from pipelines.releases.gates.candidate import Candidate
from pipelines.releases.gates.pairs import Pair, compare, too_much_worse
from pipelines.releases.gates.primary_metric import CannotCompareError, comparable_pairs, primary_metric
from pipelines.releases.gates.result import GateResult, failed, not_judged, passed

GATE = "no_slice_worse"


def judge(
    manifest: Manifest, scoring: SessionScoring | None, candidate: Candidate, champion: Candidate | None
) -> GateResult:
    """The primary metric of each slice against the champion's; slices too small to judge are named."""
    if champion is None:
        return not_judged(GATE, "there is no champion yet.")
    try:
        pairs = comparable_pairs(manifest, scoring, candidate, champion)
    except CannotCompareError as error:
        return not_judged(GATE, f"not compared: {error}.")
    assert scoring is not None  # otherwise there are no pairs
    rules, metric = manifest.gates.slices, primary_metric(manifest)
    problems, held, small, numbers = [], [], [], {}
    for by in rules.by:
        for value, chosen in _sliced(pairs, by).items():
            name = f"{by} {value}"
            found = None
            if len(chosen) >= rules.minimum_sessions:
                found = compare(
                    scoring,
                    chosen,
                    metric.plain,
                    more_is_better=metric.more_is_better,
                    confidence=manifest.gates.confidence,
                )
            if found is None:
                small.append(f"{name} ({len(chosen)})")
                continue
            numbers[f"{by}={value}"] = found.gain
            if (problem := too_much_worse(found, rules.margin)) is not None:
                problems.append(
                    f"{name}: {metric.name} is {found.candidate:.4g}, version {champion.version}'s "
                    f"{found.champion:.4g} on {found.sessions} sessions: {problem}"
                )
            else:
                held.append(f"{name} {found.gain:+.3g}")
    left_out = f" Too small to judge (sessions): {', '.join(small)}." if small else ""
    if problems:
        return failed(GATE, f"{'; '.join(problems)}.{left_out}", numbers)
    if not held:
        return not_judged(GATE, f"no slice can be judged.{left_out}")
    return passed(GATE, f"gains by slice: {', '.join(held)}.{left_out}", numbers)


def _sliced(pairs: Sequence[Pair], by: str) -> dict[str, list[Pair]]:
    slices: dict[str, list[Pair]] = {}
    for pair in pairs:
        if by in pair.facts:
            value = pair.facts[by]
            slices.setdefault("unknown" if value is None else str(value), []).append(pair)
    return dict(sorted(slices.items()))
