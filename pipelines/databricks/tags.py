"""What a remote run is called and tagged: who pays for it, and what it is for."""

from __future__ import annotations

import re
from collections.abc import Mapping

SIZE_TAG = "pipelines/compute"
STANDARD_SIZE = "standard"
TIME_LIMIT_TAG = "pipelines/time_limit_minutes"
"""After which Databricks ends the step's run; a limit of the size class counts too, the shorter one first."""
PARTITION_TAG = "pipelines/partition_is"
"""Of a step whose partition says whom it is for, such as `customer`: tags of a step are the same for all partitions."""
_PARTITION = "dagster/partition"
_FROM_STEP = {
    "pipelines/model": "model",
    "pipelines/customer": "customer",
    "pipelines/release": "release",
    "pipelines/purpose": "purpose",
}
_REFUSED = re.compile(r"[^\w +\-=.:/@]")
_LONGEST_NAME, _LONGEST_VALUE, _LONGEST_RUN_NAME = 127, 255, 200


def remote_tags(
    target: Mapping[str, str], step: Mapping[str, str], run_id: str, job: str, step_key: str
) -> dict[str, str]:
    """The tags of a remote run, in the letters that clusters' tags may have."""
    if (meaning := step.get(PARTITION_TAG)) and step.get(_PARTITION):
        step = {f"pipelines/{meaning}": step[_PARTITION], **step}
    found = {
        **target,
        **{name: step[tag] for tag, name in _FROM_STEP.items() if step.get(tag)},
        "dagster_run": run_id,
        "dagster_job": job,
        "dagster_step": step_key,
    }
    return {
        _REFUSED.sub("_", str(name))[:_LONGEST_NAME]: _REFUSED.sub("_", str(value))[:_LONGEST_VALUE]
        for name, value in found.items()
    }


def run_name(tags: Mapping[str, str]) -> str:
    """A name to find the run by; runs that are submitted, not scheduled, have no tags of their own."""
    shown = [f"{name}={tags[name]}" for name in ("environment", "model", "customer", "release") if name in tags]
    what = f"{tags['dagster_job']} {tags['dagster_step']}"
    return f"{what} ({', '.join(shown)})"[:_LONGEST_RUN_NAME] if shown else what[:_LONGEST_RUN_NAME]


def description(tags: Mapping[str, str]) -> str:
    """All tags as text, for compute that cannot be tagged for one run: existing clusters and serverless."""
    return "\n".join(f"{name}: {value}" for name, value in sorted(tags.items()))


def described(text: str) -> dict[str, str]:
    """The tags in a text that `description` made; of other texts the lines that look like tags."""
    pairs = (line.partition(": ") for line in text.splitlines())
    return {name.strip(): value.strip() for name, sign, value in pairs if sign and name.strip()}
