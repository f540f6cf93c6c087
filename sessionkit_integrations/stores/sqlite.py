"""Sessions in a SQLite file."""

# ruff: noqa: SLF001 - the functions at the end are the store's own

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakSet

from sessionkit_integrations.errors import StoreError, StoreUnavailableError
from sessionkit_integrations.records import now
from sessionkit_integrations.stores import statements
from sessionkit_integrations.stores.base import Snapshot, Store
from sessionkit_integrations.stores.retries import DEFAULT_TIMEOUT, Attempts, Failure
from sessionkit_integrations.stores.steps import run
from sessionkit_integrations.stores.ttl import ttl_milliseconds

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence
    from datetime import timedelta

    from sessionkit_integrations.stores.base import Edit
    from sessionkit_integrations.stores.statements import Statement, Steps
    from sessionkit_integrations.window import Window

T = TypeVar("T")

_stores: WeakSet[SQLiteStore] = WeakSet()
_quiet_for_fork: list[SQLiteStore] = []


class SQLiteStore(Store):
    """Sessions in a SQLite file: persistent with no server, for any number of threads, tasks and processes.

    The file is opened at the first use and written ahead (WAL); what a method has returned from is on disk. SQLite has
    no asynchronous interface, so that the ``a`` methods run in a thread of the store's: one for all event loops, which
    outlives each of them and does not keep the process from ending.

    Args:
        path: The file; it is made where there is none. Its folder must exist, on a disk of this machine.
        ttl: How long a session is kept after its last change, in seconds or as a timedelta; for ever if ``None``.
        archive: Whether to keep evicted messages.
        timeout: How long to wait for other writers, in seconds.

    Raises:
        ValueError: ``path`` names no file, or ``ttl`` is less than a millisecond.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        ttl: float | timedelta | None = None,
        archive: bool = False,
        timeout: float = DEFAULT_TIMEOUT,
    ) -> None:
        given = os.fspath(path)
        if not given or given == ":memory:":
            raise ValueError("SQLiteStore needs the path of a file; InMemoryStore keeps sessions in memory")
        self._path = os.path.abspath(given)  # noqa: PTH100 - as it is now, whatever folder the process goes to
        self.archive = archive
        self._ttl = ttl_milliseconds(ttl)
        self._timeout = timeout
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._executor: ThreadPoolExecutor | None = None
        _stores.add(self)

    def __repr__(self) -> str:
        return f"SQLiteStore({self._path!r})"

    def append(self, session_id: str, records: Sequence[bytes], window: Window, operation_id: str) -> None:
        """See `Store.append`."""
        self._run(lambda: self._append(session_id, records, window, operation_id))

    async def aappend(self, session_id: str, records: Sequence[bytes], window: Window, operation_id: str) -> None:
        """See `Store.append`."""
        await self._arun(lambda: self._append(session_id, records, window, operation_id))

    def read(self, session_id: str, *, archived: bool = False) -> Snapshot:
        """See `Store.read`."""
        return self._run(lambda: statements.read(session_id, now(), archived=archived))

    async def aread(self, session_id: str, *, archived: bool = False) -> Snapshot:
        """See `Store.read`."""
        return await self._arun(lambda: statements.read(session_id, now(), archived=archived))

    def replace(self, session_id: str, edit: Edit, expected: str | None, operation_id: str) -> None:
        """See `Store.replace`."""
        self._run(lambda: statements.replace(session_id, edit, expected, operation_id, now=now(), ttl=self._ttl))

    async def areplace(self, session_id: str, edit: Edit, expected: str | None, operation_id: str) -> None:
        """See `Store.replace`."""
        await self._arun(lambda: statements.replace(session_id, edit, expected, operation_id, now=now(), ttl=self._ttl))

    def delete(self, session_id: str) -> None:
        """See `Store.delete`."""
        self._run(lambda: statements.delete(session_id))

    async def adelete(self, session_id: str) -> None:
        """See `Store.delete`."""
        await self._arun(lambda: statements.delete(session_id))

    def sessions(self) -> Iterator[str]:
        """See `Store.sessions`."""
        after = ""
        while page := self._run(lambda start=after: statements.sessions(start, now())):  # type: ignore[misc]
            yield from page
            after = page[-1]

    async def asessions(self) -> AsyncIterator[str]:
        """See `Store.sessions`."""
        after = ""
        while page := await self._arun(lambda start=after: statements.sessions(start, now())):  # type: ignore[misc]
            for session_id in page:
                yield session_id
            after = page[-1]

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self._lock:
            connection, self._connection = self._connection, None
            executor, self._executor = self._executor, None
            if connection is not None:
                connection.close()
        if executor is not None:
            executor.shutdown(wait=False)

    def _append(self, session_id: str, records: Sequence[bytes], window: Window, operation_id: str) -> Steps[None]:
        return statements.append(
            session_id, records, window, operation_id, now=now(), ttl=self._ttl, archive=self.archive
        )

    def _run(self, begin: Callable[[], Steps[T]]) -> T:
        attempts = Attempts(self._timeout)
        while True:
            try:
                with self._lock:
                    connection = self._open_once()
                    try:
                        return run(begin(), _performer(connection))
                    finally:
                        # Ctrl-C may come anywhere, also between the steps that would have undone what was begun.
                        if connection.in_transaction:
                            connection.rollback()
            except sqlite3.Error as error:
                delay = attempts.delay_after(Failure(self._explain(error)), error)
            time.sleep(delay)

    async def _arun(self, begin: Callable[[], Steps[T]]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._worker(), self._run, begin)

    def _worker(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._executor is None:
                self._executor = ThreadPoolExecutor(1, "sessionkit-sqlite")
            return self._executor

    def _open_once(self) -> sqlite3.Connection:
        if self._connection is None:
            connection = sqlite3.connect(
                self._path, timeout=self._timeout, isolation_level=None, check_same_thread=False
            )
            try:
                run(statements.prepare(), _performer(connection))
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _explain(self, error: sqlite3.Error) -> StoreError:
        text = str(error)
        if "locked" in text or "busy" in text:
            return StoreUnavailableError(
                f"other writers kept {self._path!r} locked for {self._timeout} s", may_have_happened=False
            )
        return StoreError(f"SQLite cannot use {self._path!r}: {text}")


# A SQLite connection must not be carried over a fork (https://www.sqlite.org/howtocorrupt.html), nor may a fork come
# while another thread holds a lock. So stores fall quiet before one, and open their files again after it.


def _before_fork() -> None:
    _quiet_for_fork.extend(_stores)
    for store in _quiet_for_fork:
        store._lock.acquire()
        if store._connection is not None:
            store._connection.close()
            store._connection = None


def _after_fork_in_parent() -> None:
    while _quiet_for_fork:
        _quiet_for_fork.pop()._lock.release()


def _after_fork_in_child() -> None:
    while _quiet_for_fork:
        store = _quiet_for_fork.pop()
        store._lock = threading.RLock()
        store._executor = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)


def _performer(connection: sqlite3.Connection) -> Callable[[Statement], Any]:
    def perform(statement: Statement) -> Any:
        if statement is statements.ROLLBACK:
            return connection.rollback()
        if statement.many is not None:
            return connection.executemany(statement.sql, statement.many)
        return connection.execute(statement.sql, statement.values).fetchall()

    return perform
