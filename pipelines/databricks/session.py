"""What a process keeps of a target between steps: the connection, the staging folder, the key of events."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from pipelines.databricks.compute import ComputeSettings
from pipelines.databricks.failures import DatabricksLaunchError
from pipelines.databricks.remote.segments import SHORTEST_KEY
from pipelines.databricks.rest import Api
from pipelines.databricks.staging import Staging
from pipelines.databricks.target import RemoteTarget


@dataclass
class Session:
    """An open target."""

    api: Api
    staging: Staging
    event_key: bytes
    compute: ComputeSettings

    @classmethod
    def open(cls, target: RemoteTarget, budget_s: float) -> Session:
        """Connect, read the key of events, read the compute settings.

        Raises:
            RefusedError, UnreachableError: see `Api.call`.
            DatabricksLaunchError: there is no usable key of events.
        """
        from databricks.sdk.errors.base import DatabricksError

        api = Api(target.name, target.connect(), budget_s)
        where = f"secret {target.event_key.key!r} of scope {target.event_key.scope!r}"
        path = "/api/2.0/secrets/get"
        try:
            found = api.get(
                f"read {where}, which authenticates events",
                path,
                scope=target.event_key.scope,
                key=target.event_key.key,
            )
        except DatabricksError as error:
            raise DatabricksLaunchError(
                f"Databricks target {target.name!r} has no {where}, which authenticates the events of steps: put at "
                f"least {SHORTEST_KEY} random characters there. ({error})"
            ) from None
        key = base64.b64decode(found["value"])
        if len(key) < SHORTEST_KEY:
            raise DatabricksLaunchError(
                f"The {where} of Databricks target {target.name!r} is too short to authenticate events: put at least "
                f"{SHORTEST_KEY} random characters there."
            )
        return cls(api, Staging(api, target.staging.rstrip("/")), key, target.compute_settings())
