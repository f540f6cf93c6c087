"""One open SQLite file: its connection, its queue of writers, and the meaning of its errors.

Two locks keep threads apart. The *lock* is held while statements run, for milliseconds. The *queue* is held by the one
writer of this process that waits for other processes, for as long as the store's timeout; it waits without the lock, so
that readers pass it, and so that a fork, which needs the lock, never waits for a file.

SQLite itself keeps no queue of the processes that wait for a file: each looks again from time to time. One that writes
all the time is nearly always there first, and the others fail at their time limit. So writers here look often, the more
so the longer they have waited, and leave the file alone for a moment now and then.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sessionkit_integrations.errors import StoreError, StoreUnavailableError
from sessionkit_integrations.runtime.forks import ForkSafe
from sessionkit_integrations.runtime.logs import LOGGER
from sessionkit_integrations.runtime.retries import Attempts, Backoff, Failure, Policy, retrying
from sessionkit_integrations.runtime.steps import Step, run
from sessionkit_integrations.stores.sqlite import schema
from sessionkit_integrations.stores.sqlite.sql import COMMIT

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessionkit_integrations.stores.sqlite.sql import Rows, Statement, Statements

T = TypeVar("T")

BACKOFF = Backoff(first=0.005, longest=0.005, factor=0.9995)
"""Pauses between two looks at a locked file."""

REST = 0.006
"""Seconds for which writers leave the file to other processes now and then."""

LONGEST_BURST = 0.1
"""Seconds of writing after which they do."""

_BUSY = ("locked", "busy", "locking protocol")
"""Parts of SQLite's messages that say that another one has the file."""

_IO_ERROR = "disk I/O error"
_IO_ERROR_WRITE = 778
"""Extended code of an I/O error while data was written, which Python tells since 3.11."""

_opening = threading.Lock()
"""Held while a file is made or opened: closing a file gives up this process's locks on it, also SQLite's."""


class _Attempt(Step[Any]):
    """An attempt at an operation, with all of its statements."""


_ATTEMPT = _Attempt()


class SQLiteFile(ForkSafe):
    """A file that is opened at its first use, and again if it is deleted, replaced or closed.

    Args:
        path: Its absolute path.
        timeout: Seconds to wait for other processes, while none of this process gets through to the file.

    Attributes:
        prepare: Begins what is done when the file is opened.
        opened: How often it was opened.
    """

    def __init__(self, path: str, timeout: float) -> None:
        self.path = path
        self.prepare = schema.prepare
        self._timeout = timeout
        self._name = f"SQLite file {path!r}"
        self._policy = Policy(BACKOFF, timeout=timeout, waits_until="it is no longer locked")
        self.opened = 0
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._queue = threading.RLock()
        self._writing_since = 0.0
        self._written_at = 0.0
        super().__init__()

    def attempts(self) -> Attempts:
        """Begin to count the attempts at an operation, and its time."""
        return Attempts(self._policy)

    def read(self, begin: Callable[[], Statements[T]], attempts: Attempts) -> T:
        """Run an operation that only reads.

        Args:
            begin: Begins an attempt.
            attempts: The account of the attempts.

        Raises:
            StoreUnavailableError: The file stayed locked, as while another process sets it up.
            StoreError: SQLite refused it.
        """
        return self._run(begin, attempts, writes=False)

    def write(self, begin: Callable[[], Statements[T]], attempts: Attempts) -> T:
        """Run an operation that writes, one at a time.

        Args:
            begin: Begins an attempt.
            attempts: The account of the attempts.

        Raises:
            StoreUnavailableError: The file stayed locked, or it is not known whether the operation took effect.
            StoreError: SQLite refused it.
        """
        with self._queue:
            return self._run(begin, attempts, writes=True)

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self._lock:
            self._close()

    def _run(self, begin: Callable[[], Statements[T]], attempts: Attempts, *, writes: bool) -> T:
        try:
            return self._attempt(begin, writes=writes)  # with no account, as nearly all succeed
        except StoreUnavailableError as error:
            if error.may_have_happened:
                raise
        return self._attempt_again(begin, attempts, writes=writes)

    def _attempt(self, begin: Callable[[], Statements[T]], *, writes: bool) -> T:
        if writes:
            self._give_way()
        with self._lock:
            connection = self._open_once()
            try:
                return run(begin(), partial(self._execute, connection))
            finally:
                # Whatever happened, also Ctrl-C between two statements.
                if connection.in_transaction:
                    self._roll_back(connection)

    def _attempt_again(self, begin: Callable[[], Statements[T]], attempts: Attempts, *, writes: bool) -> T:
        def perform(_attempt: _Attempt) -> T:
            return self._attempt(begin, writes=writes)

        def judge(error: Exception) -> Failure | None:
            if not isinstance(error, StoreUnavailableError):
                return None
            # Those in the queue wait for the same file, but not while it moves on.
            attempts.deadline = max(attempts.deadline, self._written_at + self._timeout)
            return Failure(error, final=error.may_have_happened)

        result: T = run(retrying(self._name, lambda: _ATTEMPT, attempts, judge), perform)
        return result

    def _give_way(self) -> None:
        """Leave the file to other processes for a moment, if this one has had it for long."""
        now = time.monotonic()
        rested = now - self._written_at
        if rested < REST and now - self._writing_since > LONGEST_BURST:
            time.sleep(REST - rested)
            rested = REST
        if rested >= REST:
            self._writing_since = now

    def _execute(self, connection: sqlite3.Connection, statement: Statement) -> Rows:
        try:
            if statement.many is not None:
                return connection.executemany(statement.sql, statement.many).fetchall()
            rows = connection.execute(statement.sql, statement.values).fetchall()
        except sqlite3.Error as error:
            raise self._explain(error, statement) from error
        except (OverflowError, UnicodeDecodeError) as error:  # of values that only others can have put there
            raise StoreError(f"the SQLite file {self.path!r} is damaged: {error}") from error
        if statement is COMMIT:
            self._written_at = time.monotonic()
        return rows

    def _roll_back(self, connection: sqlite3.Connection) -> None:
        try:
            connection.rollback()
        except sqlite3.Error:
            self._close()  # which rolls back as well; what led here is raised

    def _explain(self, error: sqlite3.Error, statement: Statement | None = None) -> StoreError:
        text = str(error)
        if any(sign in text for sign in _BUSY):
            message = f"other writers kept {self.path!r} locked for {self._timeout:g} s"
            return StoreUnavailableError(message, may_have_happened=False)
        # Of a commit that could not be written, the end is missing. One that could not be made sure of may be there,
        # complete, for whoever reads the file after a crash.
        if statement is COMMIT and _IO_ERROR in text and getattr(error, "sqlite_errorcode", None) != _IO_ERROR_WRITE:
            message = f"SQLite cannot tell whether {self.path!r} was written: {text}"
            return StoreUnavailableError(message, may_have_happened=True)
        return StoreError(f"SQLite cannot use {self.path!r}: {text}")

    def _open_once(self) -> sqlite3.Connection:
        """Return the connection to the file that has the path now."""
        if self._connection is not None and _identity(self.path) != self._identity:
            LOGGER.warning("the SQLite file %r was deleted or replaced, and is opened again", self.path)
            self._abandon(self._connection)
        if self._connection is None:
            self._connection = self._open()
            self.opened += 1
        return self._connection

    def _open(self) -> sqlite3.Connection:
        with _opening:
            self._identity = _identity(self.path) or _create(self.path)
            mode = harmless_mode(self.path)
            connection = self._connect(mode)
        try:
            run(schema.identify(), partial(self._execute, connection))
            if mode == "ro":
                connection.close()
                with _opening:
                    connection = self._connect("rw")
            run(self.prepare(), partial(self._execute, connection))
        except BaseException:
            connection.close()
            raise
        return connection

    def _connect(self, mode: str) -> sqlite3.Connection:
        place = f"{Path(self.path).as_uri()}?mode={mode}"
        try:
            return sqlite3.connect(place, uri=True, timeout=0, isolation_level=None, check_same_thread=False)
        except sqlite3.Error as error:
            raise self._explain(error) from error

    def _abandon(self, connection: sqlite3.Connection) -> None:
        """Close a file that does not have the path any more."""
        # Its log still has its name. SQLite would take that for the log of the new file, and mix the two.
        with suppress(sqlite3.Error):
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._close()

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _before_fork(self) -> None:
        # A connection must not be carried over a fork: https://www.sqlite.org/howtocorrupt.html
        self._close()

    def _after_fork_in_child(self) -> None:
        self._queue = threading.RLock()  # a thread that is not here may have been first in it


def harmless_mode(path: str) -> str:
    """Return the mode in which a file can be looked at that may be somebody else's, without leaving a trace.

    Who closes a file last writes its log into it, unless the file was opened for reading only. If there is no log, that
    mode would leave one behind.
    """
    return "ro" if os.path.exists(f"{path}-wal") else "rw"  # noqa: PTH110 - as the rest


def _identity(path: str) -> tuple[int, int] | None:
    """Return the device and the number of the file that has a path; ``None`` if there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 - of each operation, and a Path takes longer
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _create(path: str) -> tuple[int, int]:
    """Make an empty file that only its owner may read; SQLite gives the files beside it the same rights.

    Raises:
        StoreError: It cannot be made.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StoreError(f"SQLite cannot use {path!r}: it cannot be made ({error.strerror})") from error
    try:
        found = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    return found.st_dev, found.st_ino
