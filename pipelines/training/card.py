"""The model card: what a version is, what it was made from and how good it is, on one page of Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.models.manifest import Manifest
from pipelines.training.evaluate import BLANKED, Report, failed_thresholds
from pipelines.training.split import KNOWN, TRAIN, UNSEEN, VALIDATION

_LONGEST = 4900
"""MLflow's registry holds 5,000 characters of description."""


@dataclass(frozen=True)
class Provenance:
    """What a version was made from."""

    gold_versions: Mapping[str, int]
    sessions: Counter[str]
    unusable: tuple[str, ...]
    code_digest: str
    lineage: Mapping[str, str]


def model_card(manifest: Manifest, report: Report, provenance: Provenance) -> str:
    """The card of one version."""
    sessions = provenance.sessions
    unseen = manifest.training.unseen_aircraft_type
    failed = failed_thresholds(manifest, report.metrics)
    lines = [
        f"# {manifest.name}",
        "",
        manifest.description,
        "",
        f"Owner: {manifest.owner}. Primary metric: `{manifest.primary_metric}`.",
        "",
        "## Made from",
        "",
        *(f"- `{name}`, version {version}" for name, version in provenance.gold_versions.items()),
        f"- {_sessions_sentence(sessions, unseen)}",
        f"- code {provenance.code_digest}",
        *(f"- {key.replace('_', ' ')}: {value}" for key, value in sorted(provenance.lineage.items())),
        "",
        "## How good",
        "",
        "On held-out sessions; the rule is the one that an instructor would write.",
        "",
        f"| metric | known types | rule | unseen type ({unseen}) | rule | known, channels blanked |",
        "|---|---|---|---|---|---|",
        *(_row(name, report) for name in _metric_names(report)),
        "",
        "Thresholds: " + ("all met." if not failed else " ".join(failed)),
        "",
        "## What it needs",
        "",
        "- Required: " + "; ".join(" or ".join(names) for names in manifest.required_channels),
        "- Of use: " + (", ".join(manifest.optional_channels) or "nothing else"),
        "- A session that lacks a required channel is not judged, and `session_judgements` says so.",
        *(f"- {note}" for note in report.notes),
    ]
    if provenance.unusable:
        lines += ["", "## Left out", "", *(f"- {sentence}" for sentence in provenance.unusable[:10])]
        if len(provenance.unusable) > 10:
            lines.append(f"- and {len(provenance.unusable) - 10} more")
    card = "\n".join(lines) + "\n"
    return card if len(card) <= _LONGEST else card[:_LONGEST].rsplit("\n", 1)[0] + "\n"


def _sessions_sentence(sessions: Counter[str], unseen: str) -> str:
    return (
        f"{sessions[TRAIN]} sessions to learn from, {sessions[VALIDATION]} to validate, {sessions[KNOWN]} to judge "
        f"by, and {sessions[UNSEEN]} of type {unseen}, which training never sees"
    )


def _metric_names(report: Report) -> list[str]:
    parts = (KNOWN, UNSEEN)
    names = [name.split("_", 1)[1] for name in report.metrics if name.split("_", 1)[0] in parts]
    return list(dict.fromkeys(names))


def _row(name: str, report: Report) -> str:
    def shown(metrics: Mapping[str, float], part: str) -> str:
        value = metrics.get(f"{part}_{name}")
        if value is None or value != value:
            return ""
        return f"{value:,.0f}" if float(value).is_integer() and abs(value) > 1 else f"{value:.3f}"

    cells = [shown(of, part) for part in (KNOWN, UNSEEN) for of in (report.metrics, report.baseline_metrics)]
    return f"| {name} | {' | '.join(cells)} | {shown(report.metrics, BLANKED)} |"
