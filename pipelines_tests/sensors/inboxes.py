"""Customers' inboxes with the sensor over them: real folders, a real instance, and ticks one by one."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg

from pipelines.assets.customers import STEP
from pipelines.customers.folder_files import FolderFiles
from pipelines.customers.status import Status, status_of
from pipelines.sensors.customer_requests import customer_requests
from pipelines.settings import Settings


class Inboxes:
    """Customers with their folders, the instance, and ticks."""

    def __init__(self, settings: Settings, instance: dg.DagsterInstance) -> None:
        self.settings, self.instance = settings, instance
        self.cursor: str | None = None
        self.said = ""

    def customer(self, name: str) -> Path:
        """The folder of a customer who is onboarded."""
        assert isinstance(self.settings.customers, Path)
        folder = self.settings.customers / name
        for each in ("inbox", "sessions"):
            (folder / each).mkdir(parents=True, exist_ok=True)
        self.instance.add_dynamic_partitions("customers", [name])
        return folder

    def request(self, customer: str, name: str, *sessions: str, age_s: float = 60, **more: Any) -> None:
        """A request for session files, which are put there if they are not."""
        folder = self.customer(customer)
        for session in sessions:
            self.write(folder / "sessions" / session, "a log", 60)
        self.write(folder / "inbox" / name, json.dumps({"sessions": list(sessions), **more}), age_s)

    def write(self, file: Path, content: str, age_s: float) -> None:
        if not file.exists():
            file.write_text(content)
            moment = time.time() - age_s
            os.utime(file, (moment, moment))

    def status(self, customer: str, name: str) -> Status | None:
        return status_of(FolderFiles(self.customer(customer)), name)[0]

    def tick(self) -> Sequence[dg.RunRequest]:
        context = dg.build_sensor_context(
            instance=self.instance, cursor=self.cursor, resources={"settings": self.settings}
        )
        result = customer_requests(context)
        assert isinstance(result, dg.SensorResult)
        self.cursor = result.cursor
        self.said = str(result.skip_reason.skip_message if result.skip_reason else "")
        return result.run_requests or []

    def run(self, request: dg.RunRequest, status: dg.DagsterRunStatus, **tags: str) -> str:
        """The run that was asked for, in that state."""
        run_id = str(uuid4())
        known = {**request.tags, "dagster/partition": str(request.partition_key), **tags}
        self.instance.add_run(dg.DagsterRun(job_name="analyze", run_id=run_id, status=status, tags=known))
        return run_id

    def ends(self, run_id: str, kind: dg.DagsterEventType, at: datetime | None = None) -> None:
        """The run ends like that; `at` by the clock of the machine that it was on."""
        event = dg.DagsterEvent(event_type_value=kind.value, job_name="analyze")
        self.instance.run_storage.handle_run_event(run_id, event, at)


def names_in(request: dg.RunRequest) -> list[str]:
    return request.run_config["ops"][STEP]["config"]["requests"]
