"""Gate: loading the artifact and predicting with it stay within the manifest's budgets."""

from __future__ import annotations

from pipelines.models.manifest import Manifest
from pipelines.releases.gates.clean_process import Smoke
from pipelines.releases.gates.result import GateResult, failed, not_judged, passed

GATE = "within_latency_budget"


def judge(manifest: Manifest, smoke: Smoke | str) -> GateResult:
    """Time of one core, measured in the clean process on the input example."""
    if isinstance(smoke, str):
        return not_judged(GATE, "not measured, since the artifact does not answer.")
    budgets = manifest.gates.budgets
    numbers = {"predict_milliseconds": smoke.predict_milliseconds, "load_seconds": smoke.load_seconds}
    shown = (
        f"predicting the input example takes {smoke.predict_milliseconds:.1f} ms of one core, loading "
        f"{smoke.load_seconds:.2f} s"
    )
    problems = []
    if smoke.predict_milliseconds > budgets.predict_milliseconds:
        over = smoke.predict_milliseconds - budgets.predict_milliseconds
        problems.append(f"predicting is {over:.1f} ms above its budget of {budgets.predict_milliseconds:g} ms")
    if smoke.load_seconds > budgets.load_seconds:
        over = smoke.load_seconds - budgets.load_seconds
        problems.append(f"loading is {over:.2f} s above its budget of {budgets.load_seconds:g} s")
    if problems:
        return failed(GATE, f"{shown}: {' and '.join(problems)}.", numbers)
    return passed(GATE, f"{shown}.", numbers)
