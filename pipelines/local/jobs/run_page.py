"""The page of a run: what a person sees who opens its address."""

from __future__ import annotations

import html
import json
import time
from typing import Any

from starlette.responses import HTMLResponse

from pipelines.local.endpoints import Call, Endpoints
from pipelines.local.errors import ApiError
from pipelines.local.jobs.states import is_final
from pipelines.local.store import Document

endpoints = Endpoints()

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #1b2733 }
pre { background: #f3f5f7; padding: .8rem; overflow: auto; max-height: 30rem }
table { border-collapse: collapse } td, th { text-align: left; padding: .2rem 1rem .2rem 0; vertical-align: top }
.SUCCESS { color: #157347 } .FAILED, .TIMEDOUT { color: #b02a37 } .CANCELED { color: #8a6d00 }
"""


def page_of(call: Call, run: Document) -> str:
    """The page as HTML; it reloads itself until the run has ended."""
    from pipelines.local.jobs.run_api import output

    refresh = "" if is_final(run) else '<meta http-equiv="refresh" content="2">'
    sections = [_facts(run)]
    for task in [*run["tasks"], *run["earlier_attempts"]]:
        found = output(call, task)
        sections.append(
            f"<h2>Task {_text(task['task_key'])}, attempt {task['attempt_number'] + 1}: {_state(task)}</h2>"
        )
        sections.append(f"<p>{_text(task['state']['state_message'])}</p>")
        sections.append(f"<pre>{_text(found['logs'] or 'Nothing was written yet.')}</pre>")
    title = f"Run {run['run_id']}: {run['run_name']}"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">{refresh}<title>{_text(title)}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{_text(title)}</h1>{''.join(sections)}</body></html>"
    )


@endpoints.get("/run/{run_id:int}")
def run_page(call: Call) -> HTMLResponse:
    run = call.workspace.runs.get(call.path["run_id"])
    if call.arguments.get("key") != run["page_key"]:
        raise ApiError("PERMISSION_DENIED", "The address of a run's page carries a key; this one is missing or wrong.")
    return HTMLResponse(page_of(call, run))


def _facts(run: Document) -> str:
    facts: dict[str, Any] = {
        "Run by": run["run_as_user_name"],
        "Began": _moment(run.get("start_time")),
        "Ended": _moment(run.get("end_time")),
        "Clusters": ", ".join(
            task.get("cluster_instance", {}).get("cluster_id", "serverless") for task in run["tasks"]
        ),
        "Tags": json.dumps(_tags(run)),
        "Budget policy": run.get("budget_policy_id", ""),
        "Message": run["state"]["state_message"],
    }
    rows = "".join(f"<tr><th>{_text(name)}</th><td>{_text(value)}</td></tr>" for name, value in facts.items())
    return f"<p>{_state(run)}</p><table>{rows}</table>"


def _tags(run: Document) -> dict[str, str]:
    tags = dict(run.get("tags") or {})
    for task in run["tasks"]:
        tags |= (task.get("new_cluster") or {}).get("custom_tags") or {}
    return tags


def _state(document: Document) -> str:
    result = document["state"].get("result_state", "")
    return f'<strong class="{result}">{document["state"]["life_cycle_state"]} {result}</strong>'


def _moment(at: int | None) -> str:
    return "" if at is None else time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at / 1000))


def _text(value: Any) -> str:
    return html.escape(str(value))
