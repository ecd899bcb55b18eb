"""Gate: who called the champion can call this version: it needs no more, and answers no less and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.models.manifest import Manifest
from pipelines.releases.gates.candidate import Candidate
from pipelines.releases.gates.result import GateResult, failed, not_judged, passed

GATE = "signature_is_compatible"

Columns = Sequence[Mapping[str, Any]]


def judge(manifest: Manifest, candidate: Candidate, champion: Candidate | None) -> GateResult:
    """Compare MLflow's signatures; a version without one fails."""
    if not candidate.signature.get("inputs") or not candidate.signature.get("outputs"):
        return failed(GATE, "it has no signature of inputs and outputs: log the model with one.")
    if champion is None:
        return passed(GATE, "it has a signature, and no champion that it must be compatible with.")
    if not champion.signature.get("inputs"):
        return not_judged(GATE, f"the champion, version {champion.version}, has no signature to compare with.")
    problems = lost_outputs(champion.signature["outputs"], candidate.signature["outputs"])
    if manifest.gates.inputs == "as_before":
        problems += further_needs(champion.signature["inputs"], candidate.signature["inputs"])
    if problems:
        hint = "; callers of the champion would fail"
        if manifest.gates.inputs == "as_before":
            hint += " (if the release's own code is the only caller, say `gates: {inputs: with_code}` in model.yaml)"
        return failed(GATE, f"{'; '.join(problems)}{hint}.", {"incompatibilities": float(len(problems))})
    return passed(GATE, f"callers of version {champion.version} can call it unchanged.")


def further_needs(before: Columns, after: Columns) -> list[str]:
    """Inputs that callers do not give or give in another type, a phrase each."""
    given = {_name(column): column for column in before}
    problems = []
    for column in after:
        name, known = _name(column), given.get(_name(column))
        if known is None:
            if _is_required(column):
                problems.append(f"input {name} is new and required")
        elif _type(known) != _type(column):
            problems.append(f"input {name} is {_type(column)}, it was {_type(known)}")
        elif _is_required(column) and not _is_required(known):
            problems.append(f"input {name} is required, it was optional")
    return problems


def lost_outputs(before: Columns, after: Columns) -> list[str]:
    """Outputs that are gone or other than before, a phrase each."""
    found = {_name(column): column for column in after}
    problems = []
    for column in before:
        name, now = _name(column), found.get(_name(column))
        if now is None:
            problems.append(f"output {name} is gone")
        elif _type(now) != _type(column):
            problems.append(f"output {name} is {_type(now)}, it was {_type(column)}")
    return problems


def _name(column: Mapping[str, Any]) -> str:
    return str(column.get("name", "(unnamed)"))


def _type(column: Mapping[str, Any]) -> str:
    if column.get("type") == "tensor":
        tensor = column["tensor-spec"]
        return f"a tensor of {tensor['dtype']} with shape {tuple(tensor['shape'])}"
    return str(column.get("type"))


def _is_required(column: Mapping[str, Any]) -> bool:
    return bool(column.get("required", True))
