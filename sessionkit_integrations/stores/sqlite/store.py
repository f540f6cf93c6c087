"""Sessions in a SQLite file."""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote

from sessionkit_integrations.errors import StoreError, StoreUnavailableError
from sessionkit_integrations.records.record import now
from sessionkit_integrations.runtime.forks import ForkSafe
from sessionkit_integrations.runtime.resources import Shared
from sessionkit_integrations.runtime.retries import DEFAULT_TIMEOUT
from sessionkit_integrations.runtime.steps import run
from sessionkit_integrations.stores.base import Store
from sessionkit_integrations.stores.options import UrlOptions, checked_archive, checked_timeout, ttl_milliseconds
from sessionkit_integrations.stores.sqlite import statements

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence
    from datetime import timedelta

    from typing_extensions import Self

    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.stores.base import Appended, Edit, Snapshot
    from sessionkit_integrations.stores.sqlite.statements import Statement, Steps
    from sessionkit_integrations.window.turns import Window

T = TypeVar("T")

# SQLite keeps no queue of the processes that wait for a file: each looks again from time to time, at ever longer
# intervals. One that writes all the time is nearly always there first, and the others fail after their time limit.
# So ours look often, the more so the longer they have waited, and leave the file alone for a moment now and then.
LONGEST_INTERVAL = 0.005
PAUSE = 0.006
LONGEST_BURST = 0.1


class SQLiteStore(ForkSafe, Store):
    """Sessions in a SQLite file: persistent with no server, for any number of threads, tasks and processes.

    The file is opened at the first use and written ahead (WAL); what a method has returned from is on disk. SQLite has
    no asynchronous interface, so that the ``a`` methods run in a thread of the store's: one for all event loops, which
    outlives each of them and does not keep the process from ending.

    Args:
        path: The file; it is made where there is none. Its folder must exist, on a disk of this machine.
        ttl: How long a session is kept after its last change, in seconds or as a timedelta; for ever if ``None``.
        archive: Whether to keep evicted messages.
        timeout: How long to wait for other processes, in seconds, while none of this process gets through to the file.

    Raises:
        ValueError: ``path`` names no file, or ``ttl`` is less than a millisecond.
    """

    schemes = ("sqlite",)
    _path = ""

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        ttl: float | timedelta | None = None,
        archive: bool = False,
        timeout: float = DEFAULT_TIMEOUT,
    ) -> None:
        super().__init__()
        given = os.fspath(path)
        if not given or given == ":memory:":
            raise ValueError("SQLiteStore needs the path of a file; InMemoryStore keeps sessions in memory")
        self._path = os.path.abspath(given)  # noqa: PTH100 - as it is now, whatever folder the process goes to
        self.archive = checked_archive(archive)
        self._ttl = ttl_milliseconds(ttl)
        self._timeout = checked_timeout(timeout)
        self._connection: sqlite3.Connection | None = None
        self._writing_since = 0.0
        self._written_at = 0.0
        self._worker = Shared(
            lambda: ThreadPoolExecutor(1, "sessionkit-sqlite"), lambda executor: executor.shutdown(wait=False)
        )

    @classmethod
    def from_url(cls, url: str) -> Self:
        """See `Store.from_url`; ``sqlite:///`` precedes a relative path, ``sqlite:////`` an absolute one."""
        options = UrlOptions(url)
        authority, slash, path = url.partition(":")[2].partition("?")[0].removeprefix("//").partition("/")
        if authority or not slash or not path:
            raise ValueError("a SQLite URL must be sqlite:///relative/path or sqlite:////absolute/path")
        store = cls(
            unquote(path),
            ttl=options.number("ttl", None),
            archive=options.flag("archive"),
            timeout=options.number("timeout", DEFAULT_TIMEOUT),
        )
        options.check_rest()
        return store

    def __repr__(self) -> str:
        return f"SQLiteStore({self._path!r})"

    @property
    def path(self) -> str:
        """The file, as an absolute path."""
        return self._path

    def append(self, session_id: str, records: Sequence[Record], window: Window, operation_id: str) -> Appended:
        """See `Store.append`."""
        return self._run(lambda: self._append(session_id, records, window, operation_id))

    async def aappend(self, session_id: str, records: Sequence[Record], window: Window, operation_id: str) -> Appended:
        """See `Store.append`."""
        return await self._arun(lambda: self._append(session_id, records, window, operation_id))

    def read(
        self, session_id: str, *, archived: bool = False, start: int | None = None, stop: int | None = None
    ) -> Snapshot:
        """See `Store.read`."""
        return self._run(lambda: statements.read(session_id, now(), archived=archived, start=start, stop=stop))

    async def aread(
        self, session_id: str, *, archived: bool = False, start: int | None = None, stop: int | None = None
    ) -> Snapshot:
        """See `Store.read`."""
        return await self._arun(lambda: statements.read(session_id, now(), archived=archived, start=start, stop=stop))

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
        self._worker.close()
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    def _append(self, session_id: str, records: Sequence[Record], window: Window, operation_id: str) -> Steps[Appended]:
        return statements.append(
            session_id, records, window, operation_id, now=now(), ttl=self._ttl, archive=self.archive
        )

    def _run(self, begin: Callable[[], Steps[T]]) -> T:
        return self._run_since(time.monotonic(), begin)

    async def _arun(self, begin: Callable[[], Steps[T]]) -> T:
        with self._worker.use() as executor:
            return await asyncio.get_running_loop().run_in_executor(executor, self._run_since, time.monotonic(), begin)

    def _run_since(self, asked: float, begin: Callable[[], Steps[T]]) -> T:
        with self._lock:
            while True:
                try:
                    return self._attempt(begin)
                except sqlite3.Error as error:
                    failure = self._explain(error)
                    # Those who stand in the queue for the lock wait for the same file, but not where it moves on.
                    waited = time.monotonic() - max(asked, self._written_at)
                    if not isinstance(failure, StoreUnavailableError) or waited >= self._timeout:
                        raise failure from error
                time.sleep(random.uniform(0, LONGEST_INTERVAL) * (1 - waited / self._timeout))  # noqa: S311 - no secret

    def _attempt(self, begin: Callable[[], Steps[T]]) -> T:
        connection = self._open_once()
        try:
            return run(begin(), self._performer(connection))
        finally:
            # Whatever happened, also Ctrl-C between two steps.
            if connection.in_transaction:
                connection.rollback()

    def _performer(self, connection: sqlite3.Connection) -> Callable[[Statement], Any]:
        def perform(statement: Statement) -> Any:
            if statement is statements.BEGIN:
                self._give_way()
            elif statement.many is not None:
                return connection.executemany(statement.sql, statement.many)
            rows = connection.execute(statement.sql, statement.values).fetchall()
            if statement is statements.COMMIT:
                self._written_at = time.monotonic()
            return rows

        return perform

    def _give_way(self) -> None:
        """Leave the file to other processes for a moment, if this one has had it for long."""
        now = time.monotonic()
        rested = now - self._written_at
        if rested < PAUSE and now - self._writing_since > LONGEST_BURST:
            time.sleep(PAUSE - rested)
            rested = PAUSE
        if rested >= PAUSE:
            self._writing_since = now

    def _open_once(self) -> sqlite3.Connection:
        if self._connection is None:
            connection = sqlite3.connect(self._path, timeout=0, isolation_level=None, check_same_thread=False)
            try:
                run(statements.prepare(), self._performer(connection))
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

    def _before_fork(self) -> None:
        # A connection must not be carried over a fork: https://www.sqlite.org/howtocorrupt.html
        if self._connection is not None:
            self._connection.close()
            self._connection = None
