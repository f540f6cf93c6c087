"""Sessions in a SQLite file."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
import time
from typing import TYPE_CHECKING, Any, TypeVar

from sessionkit_integrations.errors import MissingDependencyError, StoreError, StoreUnavailableError
from sessionkit_integrations.stores import statements
from sessionkit_integrations.stores.base import Snapshot, Store
from sessionkit_integrations.stores.per_loop import PerLoop
from sessionkit_integrations.stores.retries import DEFAULT_TIMEOUT, Attempts
from sessionkit_integrations.stores.steps import arun, run
from sessionkit_integrations.stores.ttl import ttl_milliseconds

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence
    from datetime import timedelta

    import aiosqlite

    from sessionkit_integrations.stores.base import Edit
    from sessionkit_integrations.stores.statements import Statement, Steps
    from sessionkit_integrations.window import Window

T = TypeVar("T")


class SQLiteStore(Store):
    """Sessions in a SQLite file: persistent with no server, for any number of threads, tasks and processes.

    The file is opened at the first use and written ahead (WAL); what a method has returned from is on disk.

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
        self._path = os.fspath(path)
        if not self._path or self._path == ":memory:":
            raise ValueError("SQLiteStore needs the path of a file; InMemoryStore keeps sessions in memory")
        self.archive = archive
        self._ttl = ttl_milliseconds(ttl)
        self._timeout = timeout
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._process = os.getpid()
        self._per_loop = PerLoop(lambda: _AsyncConnection(self._path, timeout), _AsyncConnection.close)

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
        return self._run(lambda: statements.read(session_id, _now(), archived=archived))

    async def aread(self, session_id: str, *, archived: bool = False) -> Snapshot:
        """See `Store.read`."""
        return await self._arun(lambda: statements.read(session_id, _now(), archived=archived))

    def replace(self, session_id: str, edit: Edit, expected: str | None, operation_id: str) -> None:
        """See `Store.replace`."""
        self._run(lambda: statements.replace(session_id, edit, expected, operation_id, now=_now(), ttl=self._ttl))

    async def areplace(self, session_id: str, edit: Edit, expected: str | None, operation_id: str) -> None:
        """See `Store.replace`."""
        await self._arun(
            lambda: statements.replace(session_id, edit, expected, operation_id, now=_now(), ttl=self._ttl)
        )

    def delete(self, session_id: str) -> None:
        """See `Store.delete`."""
        self._run(lambda: statements.delete(session_id))

    async def adelete(self, session_id: str) -> None:
        """See `Store.delete`."""
        await self._arun(lambda: statements.delete(session_id))

    def sessions(self) -> Iterator[str]:
        """See `Store.sessions`."""
        after = ""
        while page := self._run(lambda start=after: statements.sessions(start, _now())):  # type: ignore[misc]
            yield from page
            after = page[-1]

    async def asessions(self) -> AsyncIterator[str]:
        """See `Store.sessions`."""
        after = ""
        while page := await self._arun(lambda start=after: statements.sessions(start, _now())):  # type: ignore[misc]
            for session_id in page:
                yield session_id
            after = page[-1]

    def close(self) -> None:
        """Close the file, except for event loops: `aclose` closes the running loop's connection."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None and self._process == os.getpid():
                connection.close()

    async def aclose(self) -> None:
        """Close the file for the running event loop and for synchronous use."""
        await self._per_loop.close()
        self.close()

    def _append(self, session_id: str, records: Sequence[bytes], window: Window, operation_id: str) -> Steps[None]:
        return statements.append(
            session_id, records, window, operation_id, now=_now(), ttl=self._ttl, archive=self.archive
        )

    def _run(self, begin: Callable[[], Steps[T]]) -> T:
        attempts = Attempts(self._timeout)
        while True:
            try:
                with self._lock:
                    return run(begin(), self._open_once())
            except sqlite3.Error as error:
                delay = attempts.delay_after(self._explain(error), error)
            time.sleep(delay)

    async def _arun(self, begin: Callable[[], Steps[T]]) -> T:
        attempts = Attempts(self._timeout)
        connection = await self._per_loop.get()
        while True:
            try:
                async with connection.lock:
                    await connection.open_once()
                    return await arun(begin(), connection.perform)
            except sqlite3.Error as error:
                delay = attempts.delay_after(self._explain(error), error)
            await asyncio.sleep(delay)

    def _open_once(self) -> Callable[[Statement], Any]:
        if self._process != os.getpid():
            # SQLite connections do not survive a fork; the parent still uses, and closes, this one.
            self._process, self._connection = os.getpid(), None
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
        return _performer(self._connection)

    def _explain(self, error: sqlite3.Error) -> StoreError:
        text = str(error)
        if "locked" in text or "busy" in text:
            return StoreUnavailableError(
                f"other writers kept {self._path!r} locked for {self._timeout} s", may_have_happened=False
            )
        return StoreError(f"SQLite cannot use {self._path!r}: {text}")


class _AsyncConnection:
    """A connection of one event loop, whose tasks take turns by its lock."""

    def __init__(self, path: str, timeout: float) -> None:
        self.lock = asyncio.Lock()
        self._path = path
        self._timeout = timeout
        self._connection: aiosqlite.Connection | None = None

    async def open_once(self) -> None:
        """Open the file, unless it is open."""
        if self._connection is not None:
            return
        try:
            import aiosqlite  # noqa: PLC0415 - a driver, imported only where it is used
        except ImportError as error:
            raise MissingDependencyError("SQLiteStore's asynchronous use", "all") from error
        self._connection = await aiosqlite.connect(self._path, timeout=self._timeout, isolation_level=None)
        try:
            await arun(statements.prepare(), self.perform)
        except BaseException:
            await self.close()
            raise

    async def perform(self, statement: Statement) -> Any:
        """Execute a statement and return its rows."""
        connection = self._connection
        if connection is None:
            raise AssertionError("opened before use")
        if statement is statements.ROLLBACK:
            return await connection.rollback()
        if statement.many is not None:
            async with connection.executemany(statement.sql, statement.many):
                return ()
        return await connection.execute_fetchall(statement.sql, statement.values)

    async def close(self) -> None:
        """Close the file, if it is open."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


def _performer(connection: sqlite3.Connection) -> Callable[[Statement], Any]:
    def perform(statement: Statement) -> Any:
        if statement is statements.ROLLBACK:
            return connection.rollback()
        if statement.many is not None:
            return connection.executemany(statement.sql, statement.many)
        return connection.execute(statement.sql, statement.values).fetchall()

    return perform


def _now() -> int:
    return time.time_ns() // 1_000_000
