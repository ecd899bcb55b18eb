"""Calls of the REST API that outlast busy services and lost connections, within a budget of seconds.

The SDK (0.60) repeats a call after 429, 503 and lost connections. It waits as long as `Retry-After` says in seconds,
and one second if that says nothing or gives a date. What it lacks is added here: dates, 500, 502, 504, and bodies that
break off.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeVar

from pipelines.databricks.failures import RefusedError, UnreachableError

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

_Result = TypeVar("_Result")
_LONGEST_DATE_S = 300


class Api:
    """One workspace's REST API, as the SDK's client reaches it."""

    def __init__(self, target: str, client: WorkspaceClient, budget_s: float) -> None:
        from databricks.sdk import WorkspaceClient as Client

        configuration = client.config.copy()
        configuration.retry_timeout_seconds = max(1, math.ceil(budget_s))
        self.client = Client(config=configuration)
        self.target = target
        self.host = str(configuration.host)
        self._budget_s = budget_s
        _complete_answers(self.client)

    def call(self, what: str, function: Callable[[], _Result], otherwise: tuple[type[Exception], ...] = ()) -> _Result:
        """The function's result; `what` names it in errors (`submit the run`).

        Raises:
            UnreachableError: the budget is used up.
            RefusedError: 401 or 403.
            Exception: those named in `otherwise`, and every other refusal, as the SDK raises it.
        """
        from databricks.sdk.errors import PermissionDenied, Unauthenticated
        from databricks.sdk.errors.base import DatabricksError
        from databricks.sdk.retries import retried

        patient = retried(is_retryable=_reason, timeout=timedelta(seconds=self._budget_s))(function)
        try:
            return patient()
        except otherwise:
            raise
        except (Unauthenticated, PermissionDenied) as error:
            raise RefusedError(
                f"Databricks target {self.target!r} ({self.host}) refused to {what}: {_first_line(error)} "
                "Check the token or service principal of that target, and what it is granted."
            ) from None
        except TimeoutError as error:
            cause = error.__cause__ or error
            raise UnreachableError(
                f"Databricks target {self.target!r} ({self.host}) did not let us {what} within "
                f"{self._budget_s:g} s; the last answer was {type(cause).__name__}: {_first_line(cause)}"
            ) from None
        except DatabricksError as error:
            error.add_note(f"while trying to {what} on Databricks target {self.target!r} ({self.host})")
            raise

    def get(self, what: str, path: str, **query: Any) -> dict[str, Any]:
        """GET; raises as `call` does. The answer is as it came, unknown states included."""
        return self.call(what, lambda: self.client.api_client.do("GET", path, query=query))  # type: ignore[return-value]

    def post(self, what: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """POST, repeated if the answer is lost, so it has to be idempotent; raises as `call` does."""
        return self.call(what, lambda: self.client.api_client.do("POST", path, body=body))  # type: ignore[return-value]


def _reason(error: BaseException) -> str | None:
    """Why a call is worth repeating, beyond what the SDK repeats by itself."""
    from databricks.sdk.errors import DeadlineExceeded, InternalError
    from requests.exceptions import RequestException
    from urllib3.exceptions import HTTPError

    if isinstance(error, (InternalError, DeadlineExceeded)):
        return "the service failed"
    if isinstance(error, (RequestException, HTTPError, ConnectionError)):
        return "the connection was lost"
    return None


def _complete_answers(client: WorkspaceClient) -> None:
    def complete(response: Any, *_: object, **__: object) -> None:
        if response.status_code == 502:
            # A gateway's word for what 503 says, which the SDK knows.
            response.status_code = 503
        wanted = response.headers.get("Retry-After")
        if wanted is None or wanted.isdigit():
            return
        try:
            until = parsedate_to_datetime(wanted)
        except ValueError:
            return
        if until.tzinfo is None:
            until = until.replace(tzinfo=UTC)
        left = math.ceil((until - datetime.now(UTC)).total_seconds())
        response.headers["Retry-After"] = str(min(max(left, 0), _LONGEST_DATE_S))

    # The SDK has no public place for this; without it a date counts as one second, and 502 is final.
    session = getattr(getattr(client.api_client, "_api_client", None), "_session", None)
    if session is not None:
        session.hooks["response"].append(complete)


def _first_line(error: BaseException) -> str:
    # What the SDK appends about its configuration is of no use here.
    text = str(error).partition(". Config:")[0].strip().splitlines()
    return (text[0] if text else type(error).__name__).rstrip(".") + "."
