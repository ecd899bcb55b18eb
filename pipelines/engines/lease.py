"""One writer at a time where writers share no file system: leases, rows of a small Delta table.

A lease is taken by a commit that a rival's commit makes fail: Delta's conflict detection is the compare-and-swap. It
ends when it is given back, or some time after its holder died and renewed it no more.

Two limits. Clocks of the machines may differ by a few seconds, not more. And a holder that is cut off for longer than
the lease lasts, and then goes on, writes beside its successor for a moment; it is told so at the end
(`LeaseLostError`), and the tables' own commits are checked by Delta as ever.
"""

from __future__ import annotations

import contextlib
import logging
import os
import random
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from pipelines.tables.contract import Column, TableContract, TableName
from pipelines.tables.retries import is_collision

if TYPE_CHECKING:
    from pipelines.engines.engine import Engine

_CLOCK_TOLERANCE_MS = 5000
_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 2.0
_REMARK_S = 60.0

_log = logging.getLogger(__name__)


class LeaseUnavailableError(TimeoutError):
    """Another writer held the table for longer than one was ready to wait; the message says who."""


class LeaseLostError(RuntimeError):
    """The lease ended while its holder was still at work, so another writer may have written at the same time."""


@dataclass(frozen=True)
class LeaseState:
    """Who holds a table, and until when unless it is renewed (milliseconds since 1970, UTC)."""

    holder: str | None
    expires_at_ms: int | None


def lease_contract(catalog: str) -> TableContract:
    """The contract of the table that holds the leases of those who write to `catalog`."""
    return TableContract(
        name=TableName(catalog, "pipelines", "leases"),
        comment="Who may write which table at the moment: one row per table.",
        columns=(
            Column("resource", "STRING", "Name of the table that is held.", nullable=False),
            Column("holder", "STRING", "Machine, process and a number of the holder; null when it is free."),
            # A number: no setting of time zones on some machine may shift it.
            Column("expires_at_ms", "BIGINT", "When the lease ends unless renewed, milliseconds since 1970, UTC."),
        ),
        key=("resource",),
        properties={
            # Appends count as conflicts, too, so two first leases of a table cannot both be committed.
            "delta.isolationLevel": "Serializable",
            "delta.logRetentionDuration": "interval 1 days",
            "delta.deletedFileRetentionDuration": "interval 1 days",
        },
    )


class TableLease:
    """Leases on tables, as rows of `<catalog>.pipelines.leases`. Threads of a process take turns; nesting is free."""

    def __init__(self, engine: Engine, catalog: str, lasts_s: float = 90.0, patience_s: float = 4 * 3600.0) -> None:
        """A lease lasts `lasts_s` and is renewed three times in that span; others wait for it up to `patience_s`."""
        self._engine = engine
        self._contract = lease_contract(catalog)
        self._lasts_s = lasts_s
        self._patience_s = patience_s
        self._turns: dict[TableName, threading.RLock] = {}
        self._depths: dict[TableName, int] = {}
        self._guard = threading.Lock()
        self._is_created = False

    @contextlib.contextmanager
    def exclusive(self, table: TableName) -> Iterator[None]:
        """Hold the table for one writer at a time, across machines.

        Raises:
            LeaseUnavailableError: another writer held it for longer than the patience.
            LeaseLostError: at the end, if the lease was lost before; the work in between is done nevertheless.
        """
        with self._guard:
            turn = self._turns.setdefault(table, threading.RLock())
        with turn:
            if self._depths.get(table):
                yield
                return
            self._depths[table] = 1
            try:
                with self._held(table):
                    yield
            finally:
                del self._depths[table]

    @property
    def pause_s(self) -> float:
        """Seconds between two renewals."""
        return self._lasts_s / 3

    def state(self, table: TableName) -> LeaseState:
        """Who holds the table now."""
        self._create()
        rows = self._engine.table(self._contract.name).where(f"resource = '{table}'").collect()
        if len(rows) > 1:
            raise RuntimeError(f"{self._contract.name} has {len(rows)} rows for {table}: delete all but one.")
        if not rows:
            return LeaseState(None, None)
        return LeaseState(rows[0]["holder"], rows[0]["expires_at_ms"])

    @contextlib.contextmanager
    def _held(self, table: TableName) -> Iterator[None]:
        holder = f"{socket.gethostname()} process {os.getpid()} {uuid4().hex[:12]}"
        renewal = _Renewal(self, table, holder, self._take(table, holder))
        try:
            yield
        finally:
            renewal.stop()
            self._give_back(table, holder)
        if renewal.lost is not None:
            raise LeaseLostError(
                f"The lease on {table} was lost while it was being written ({renewal.lost}): another writer may have "
                "written at the same time. Run the step again; what is there already is not done twice."
            )

    def _take(self, table: TableName, holder: str) -> int:
        deadline, pause = time.monotonic() + self._patience_s, _SHORTEST_PAUSE_S
        remark = time.monotonic() + _REMARK_S
        while True:
            state = self.state(table)
            if time.monotonic() > remark:
                _log.warning("Waiting to write %s, which %s holds.", table, state.holder or "nobody at the moment")
                remark = time.monotonic() + _REMARK_S
            if state.expires_at_ms is None or state.expires_at_ms + _CLOCK_TOLERANCE_MS < now_ms():
                expires_at_ms = now_ms() + int(self._lasts_s * 1000)
                self._claim(table, holder, state, expires_at_ms)
                if self.state(table).holder == holder:
                    return expires_at_ms
            elif time.monotonic() > deadline:
                raise LeaseUnavailableError(
                    f"{table} is held by {state.holder}, which renews its lease, and nobody else got it within "
                    f"{self._patience_s:.0f} s. Wait for that run or cancel it; the lease then ends by itself."
                )
            time.sleep(random.uniform(0.5, 1.0) * pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)

    def _claim(self, table: TableName, holder: str, seen: LeaseState, expires_at_ms: int) -> None:
        """Write the holder in, if the lease is still as it was seen and no other commit comes first."""
        as_seen = "t.holder IS NULL" if seen.holder is None else f"t.holder = '{seen.holder}'"
        if seen.expires_at_ms is not None:
            as_seen += f" AND t.expires_at_ms = {seen.expires_at_ms}"
        try:
            self._engine.spark.sql(
                f"MERGE INTO {self._contract.name} t USING (SELECT '{table}' AS resource) s ON t.resource = s.resource "
                f"WHEN MATCHED AND {as_seen} THEN UPDATE SET holder = '{holder}', expires_at_ms = {expires_at_ms} "
                "WHEN NOT MATCHED THEN INSERT (resource, holder, expires_at_ms) "
                f"VALUES ('{table}', '{holder}', {expires_at_ms})"
            ).collect()
        except Exception as error:
            if not is_collision(error):
                raise

    def renew(self, table: TableName, holder: str) -> int | None:
        """Let the holder's lease last longer; until when, or None if it has another holder by now."""
        self._update(table, holder, f"expires_at_ms = {now_ms() + int(self._lasts_s * 1000)}")
        state = self.state(table)
        return state.expires_at_ms if state.holder == holder else None

    def _give_back(self, table: TableName, holder: str) -> None:
        deadline = time.monotonic() + self._lasts_s
        while time.monotonic() < deadline:
            try:
                self._update(table, holder, "holder = NULL, expires_at_ms = NULL")
                return
            except Exception as error:
                if not is_collision(error):
                    _log.warning("The lease on %s could not be given back and ends by itself: %s", table, error)
                    return
            time.sleep(random.uniform(0.05, 0.3))

    def _update(self, table: TableName, holder: str, assignments: str) -> None:
        condition = f"resource = '{table}' AND holder = '{holder}'"
        self._engine.spark.sql(f"UPDATE {self._contract.name} SET {assignments} WHERE {condition}").collect()

    def _create(self) -> None:
        if not self._is_created:
            self._engine.create(self._contract)
            self._is_created = True


class _Renewal:
    """Renews a lease in a thread until it is stopped or the lease is lost."""

    lost: str | None = None

    def __init__(self, leases: TableLease, table: TableName, holder: str, expires_at_ms: int) -> None:
        self._leases, self._table, self._holder, self._expires_at_ms = leases, table, holder, expires_at_ms
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"lease of {table}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread, after the renewal that it may be busy with."""
        self._stopped.set()
        self._thread.join()
        if self.lost is None and now_ms() > self._expires_at_ms:
            self.lost = "it was not renewed in time"

    def _run(self) -> None:
        pause_s = self._leases.pause_s
        while not self._stopped.wait(pause_s):
            try:
                renewed = self._leases.renew(self._table, self._holder)
            except Exception as error:
                # A collision with another lease's commit, or a passing failure: again, well before the lease ends.
                pause_s = min(1.0, self._leases.pause_s / 5)
                _log.info("The lease on %s was not renewed yet: %s", self._table, error)
                continue
            if renewed is None:
                self.lost = "it was taken over after it had ended"
                return
            self._expires_at_ms, pause_s = renewed, self._leases.pause_s


def now_ms() -> int:
    """This machine's clock, milliseconds since 1970, UTC."""
    return time.time_ns() // 1_000_000
