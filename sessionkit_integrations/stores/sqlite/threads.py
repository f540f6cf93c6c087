"""Statements run on a file in the calling thread, or in a store's threads."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from sessionkit_integrations.records.record import now
from sessionkit_integrations.runtime.resources import Shared
from sessionkit_integrations.stores.base import Store
from sessionkit_integrations.stores.sqlite import reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sessionkit_integrations.runtime.retries import Attempts
    from sessionkit_integrations.stores.sqlite.file import SQLiteFile
    from sessionkit_integrations.stores.sqlite.indexed import IndexedFile
    from sessionkit_integrations.stores.sqlite.sql import Statements
    from sessionkit_integrations.stores.values import Both, Snapshot

T = TypeVar("T")

_DONE = object()


class StatementStore(Store):
    """A store whose operations are statements; its ``a`` methods run them in two threads of the store.

    Args:
        file: The file.
        search: Whether it has an index.
    """

    def __init__(self, file: SQLiteFile, *, search: bool) -> None:
        self._file = file
        self._index = _indexed(file) if search else None
        self._readers, self._writers = _thread("sessionkit-sqlite-reader"), _thread("sessionkit-sqlite-writer")

    def read(
        self, session_id: str, *, archived: bool = False, start: int | None = None, stop: int | None = None
    ) -> Snapshot:
        """See `Store.read`."""
        return self._read(lambda: reading.read(session_id, now(), archived=archived, start=start, stop=stop))

    async def aread(
        self, session_id: str, *, archived: bool = False, start: int | None = None, stop: int | None = None
    ) -> Snapshot:
        """See `Store.read`."""
        return await self._aread(lambda: reading.read(session_id, now(), archived=archived, start=start, stop=stop))

    def read_both(self, session_id: str, part: slice) -> Both:
        """See `Store.read_both`."""
        return self._read(lambda: reading.read_both(session_id, now(), part))

    async def aread_both(self, session_id: str, part: slice) -> Both:
        """See `Store.read_both`."""
        return await self._aread(lambda: reading.read_both(session_id, now(), part))

    def close(self) -> None:
        """Close the file and end the threads; the next use begins again."""
        self._readers.close()
        self._writers.close()
        self._file.close()

    def _read(self, begin: Callable[[], Statements[T]]) -> T:
        return self._file.read(begin, self._file.attempts())

    async def _aread(self, begin: Callable[[], Statements[T]]) -> T:
        return await self._in_thread(self._readers, partial(self._file.read, begin, self._file.attempts()))

    def _write(self, begin: Callable[[], Statements[T]]) -> T:
        return self._write_within(begin, self._file.attempts())

    async def _awrite(self, begin: Callable[[], Statements[T]]) -> T:
        return await self._in_thread(self._writers, partial(self._write_within, begin, self._file.attempts()))

    def _write_within(self, begin: Callable[[], Statements[T]], attempts: Attempts) -> T:
        result = self._file.write(begin, attempts)
        if self._index is not None:
            self._index.after_write()
        return result

    async def _in_thread(self, thread: Shared[ThreadPoolExecutor], call: Callable[[], T]) -> T:
        with thread.use() as executor:
            return await asyncio.get_running_loop().run_in_executor(executor, call)

    async def _each(self, batches: Iterator[None]) -> None:
        """Let the thread of writers take batches one by one, so that other writes come between."""
        while await self._in_thread(self._writers, lambda: next(batches, _DONE)) is None:
            pass


def _indexed(file: SQLiteFile) -> IndexedFile:
    from sessionkit_integrations.stores.sqlite.indexed import IndexedFile  # noqa: PLC0415 - few need it

    return IndexedFile(file)


def _thread(name: str) -> Shared[ThreadPoolExecutor]:
    return Shared(lambda: ThreadPoolExecutor(1, name), lambda executor: executor.shutdown(wait=False))
