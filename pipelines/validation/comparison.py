"""Each bounded metric of a branch's model: its value, `main`'s, the instructor's rule's, and what they differ by."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.models.manifest import Manifest
from pipelines.models.session_scoring import SessionScoring
from pipelines.releases.gates import thresholds
from pipelines.releases.gates.candidate import Candidate
from pipelines.releases.gates.pairs import Comparison, compare, too_much_worse
from pipelines.releases.gates.primary_metric import CannotCompareError, bounded_metric, comparable_pairs
from pipelines.validation.main_model import MainModel

_SESSIONS_OF_BOTH = (
    "The difference is taken over the sessions that both have held out with the same data and labels; what each "
    "learned from differs."
)


@dataclass(frozen=True)
class MetricRow:
    """One metric that the manifest bounds; None where a value was not measured."""

    metric: str
    model: float | None
    main: float | None
    rule: float | None
    bound: str
    missed_by: float | None
    """How far the model is outside the bound; None if it holds."""
    gain: float | None
    """How much better than `main`'s the model is, in the metric's unit; negative is worse."""
    paired: Comparison | None
    """The gain on the sessions that both were judged by, with its interval; None where sessions are not known."""

    @property
    def holds(self) -> bool:
        """Whether the metric was measured and is within its bound."""
        return self.model is not None and self.missed_by is None


@dataclass(frozen=True)
class Validation:
    """A model of a branch beside `main`'s, as plain values."""

    model: str
    version: int | None
    """Of the branch's schema; None for one that was not registered, as in a notebook."""
    main_version: int | None
    sessions: Mapping[str, int]
    """Held-out sessions that the model was judged by, by part."""
    confidence: float
    """Of the intervals."""
    rows: tuple[MetricRow, ...]
    verdict: str
    """Whether all bounds hold; if not, which are missed and by how much."""
    worse_than_main: str | None
    """Why the primary metric is too much worse than `main`'s for a release, by the release's own rule."""
    notes: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether every bound holds."""
        return all(row.holds for row in self.rows)


def beside_main(
    manifest: Manifest,
    scoring: SessionScoring | None,
    mine: Candidate,
    rule: Mapping[str, float],
    gold_versions: Mapping[str, int],
    main: MainModel | None,
    *,
    registered: bool = True,
) -> Validation:
    """Compare a model with `main`'s.

    Args:
        mine: the branch's model; without an artifact, since nothing but its scores is looked at.
        rule: the same metrics of the instructor's rule.
        gold_versions: what `mine` was trained on.
        main: None if `main` has no model of that name.
        registered: whether the number of `mine` is one of the registry's.
    """
    reasons: dict[str, list[str]] = {}
    rows = []
    for name in manifest.thresholds:
        paired = None
        if main is not None:
            try:
                paired = _paired(manifest, scoring, mine, main.candidate, name)
            except CannotCompareError as error:
                reasons.setdefault(str(error), []).append(name)
        rows.append(_row(manifest, name, mine.metrics, main.candidate.metrics if main else {}, rule, paired))
    primary = next(row for row in rows if row.metric == manifest.primary_metric)
    return Validation(
        model=manifest.name,
        version=mine.version if registered else None,
        main_version=main.candidate.version if main else None,
        sessions=_counted(mine),
        confidence=manifest.gates.confidence,
        rows=tuple(rows),
        verdict=thresholds.judge(manifest, mine).sentence,
        worse_than_main=too_much_worse(primary.paired, manifest.gates.margin) if primary.paired else None,
        notes=(
            *_on_gold(gold_versions, main),
            *(f"{', '.join(names)}: not compared session by session, because {why}." for why, names in reasons.items()),
        ),
    )


def _paired(
    manifest: Manifest, scoring: SessionScoring | None, mine: Candidate, main: Candidate, name: str
) -> Comparison | None:
    metric = bounded_metric(manifest, name)
    pairs = comparable_pairs(manifest, scoring, mine, main, metric)
    if len(pairs) < manifest.gates.minimum_sessions:
        raise CannotCompareError(f"only {len(pairs)} sessions were judged by both (part {metric.part})")
    assert scoring is not None  # otherwise there are no pairs
    found = compare(
        scoring,
        pairs,
        metric.plain,
        more_is_better=metric.more_is_better,
        confidence=manifest.gates.confidence,
    )
    if found is None:
        raise CannotCompareError(f"it is undefined on the {len(pairs)} sessions that both were judged by")
    return found


def _row(
    manifest: Manifest,
    name: str,
    metrics: Mapping[str, float],
    of_main: Mapping[str, float],
    of_rule: Mapping[str, float],
    paired: Comparison | None,
) -> MetricRow:
    bound = manifest.thresholds[name]
    model, main, rule = (_measured(values.get(name)) for values in (metrics, of_main, of_rule))
    gain = paired.gain if paired else None
    if paired is None and model is not None and main is not None:
        gain = model - main if bounded_metric(manifest, name).more_is_better else main - model
    missed_by = bound.missed_by(model) if model is not None else None
    return MetricRow(name, model, main, rule, str(bound), missed_by, gain, paired)


def _measured(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else float(value)


def _counted(mine: Candidate) -> dict[str, int]:
    parts = [str(row["part"]) for row in mine.session_scores]
    return {part: parts.count(part) for part in dict.fromkeys(parts)}


def _on_gold(mine: Mapping[str, int], main: MainModel | None) -> tuple[str, ...]:
    if main is None:
        return ("main has no model of this name yet, so the bounds decide alone.",)
    others = [
        f"{name} version {main.gold_versions.get(name, 'none')} instead of {version}"
        for name, version in sorted(mine.items())
        if main.gold_versions.get(name) != version
    ]
    if not others:
        return ()
    told = f"main's model was trained on other gold ({', '.join(others)})."
    return (f"{told} {_SESSIONS_OF_BOTH}",)
