"""What is compared of two versions: a metric, the part of the sessions, and which way is better."""

from __future__ import annotations

from typing import NamedTuple

from pipelines.models.manifest import Manifest
from pipelines.models.session_scoring import SessionScoring
from pipelines.releases.gates.candidate import Candidate
from pipelines.releases.gates.pairs import Pair, shared_sessions


class Metric(NamedTuple):
    """`known_macro_f1` is `macro_f1` on the sessions of the part `known`."""

    name: str
    part: str
    plain: str
    more_is_better: bool


class CannotCompareError(Exception):
    """Two versions have nothing by which they could be compared; the message says why."""


def primary_metric(manifest: Manifest) -> Metric:
    """The manifest's primary metric, which the gates look at."""
    return bounded_metric(manifest, manifest.primary_metric)


def bounded_metric(manifest: Manifest, name: str) -> Metric:
    """A metric of the manifest's thresholds; one that is bounded from below is better the higher it is."""
    part, _, plain = name.partition("_")
    return Metric(name, part, plain, manifest.thresholds[name].minimum is not None)


def comparable_pairs(
    manifest: Manifest,
    scoring: SessionScoring | None,
    candidate: Candidate,
    champion: Candidate,
    metric: Metric | None = None,
) -> list[Pair]:
    """The held-out sessions that both versions were judged by, for the metric (default: the primary one).

    Raises:
        CannotCompareError: there are none, or what is known of them does not give the metric.
    """
    metric = metric or primary_metric(manifest)
    if scoring is None:
        raise CannotCompareError(
            f"pipelines/models/{manifest.name} has no session_scores.py, so nothing is known by session"
        )
    for one, who in ((candidate, "it"), (champion, f"the champion, version {champion.version},")):
        if not one.session_scores:
            raise CannotCompareError(f"{who} was logged without scores by session")
    pairs = shared_sessions(candidate.session_scores, champion.session_scores, metric.part)
    if not pairs:
        raise CannotCompareError(f"no session was judged by both with the same data and labels (part {metric.part})")
    try:
        known = [set(scoring.metrics_of([one])) for pair in pairs for one in (pair.candidate, pair.champion)]
    except (KeyError, TypeError, ValueError) as error:
        raise CannotCompareError(
            f"session_scores.py has changed since the champion, version {champion.version}, was trained "
            f"({type(error).__name__}: {error})"
        ) from error
    if not all(metric.plain in names for names in known):
        raise CannotCompareError(f"session_scores.py of {manifest.name} does not give {metric.plain}")
    return pairs
