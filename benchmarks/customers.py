"""What customers wait for: a request's time, many sessions, another's flood, and the number of customers.

Works on the environment of a demo that was run before (`BENCHMARK_HOME`), or one that it runs itself.
`CUSTOMER_PARTS=request,throughput,fairness,numbers` measures some of it, `CUSTOMER_ROUNDS` says how often a request's
time is taken, `CUSTOMER_SESSIONS` and `CUSTOMER_MINUTES` how many sessions of which length make the throughput.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from benchmarks.customer_fairness import beside_a_flood
from benchmarks.customer_numbers import many_customers
from benchmarks.customer_requests import request_to_rows
from benchmarks.customer_stack import stack
from benchmarks.customer_throughput import many_sessions
from benchmarks.releases import environment_of_demo
from benchmarks.report import Section
from pipelines.environments import settings_from
from pipelines.settings import Settings

_PARTS: dict[str, Callable[[Settings], Section]] = {
    "request": request_to_rows,
    "throughput": many_sessions,
    "fairness": beside_a_flood,
    "numbers": many_customers,
}


def measure() -> Iterator[Section]:
    """Each part on one warm stack, the one with the most customers last."""
    chosen = os.environ.get("CUSTOMER_PARTS", ",".join(_PARTS)).split(",")
    with environment_of_demo() as variables:
        settings = settings_from(variables, "production")
        with stack(settings):
            for name in chosen:
                yield _PARTS[name](settings)
