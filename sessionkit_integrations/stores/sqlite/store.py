"""Sessions in a SQLite file."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from sessionkit_integrations.errors import StoreError, StoreUnavailableError
from sessionkit_integrations.records.record import now
from sessionkit_integrations.runtime.retries import DEFAULT_TIMEOUT
from sessionkit_integrations.stores.copies import StoreUrl, with_options
from sessionkit_integrations.stores.notices import EVERY
from sessionkit_integrations.stores.options import (
    UrlOptions,
    checked_flag,
    checked_timeout,
    in_seconds,
    ttl_milliseconds,
)
from sessionkit_integrations.stores.sqlite import leases, listing, statements
from sessionkit_integrations.stores.sqlite.exchanging import Exchanges
from sessionkit_integrations.stores.sqlite.file import SQLiteFile
from sessionkit_integrations.stores.sqlite.forking import Forks
from sessionkit_integrations.stores.sqlite.noticing import FileNotices
from sessionkit_integrations.stores.sqlite.paths import absolute
from sessionkit_integrations.stores.sqlite.vectors import KeepsVectors
from sessionkit_integrations.stores.turns import holder_of

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence
    from datetime import timedelta

    from typing_extensions import Self, Unpack

    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.stores.sqlite.indexed import IndexedFile
    from sessionkit_integrations.stores.sqlite.sql import Statements
    from sessionkit_integrations.stores.terms import Place, Terms
    from sessionkit_integrations.stores.values import Appended, AppendOptions, Edit, SessionInfo
    from sessionkit_integrations.window.turns import Window


class SQLiteStore(Exchanges, Forks, KeepsVectors):
    """Sessions in a SQLite file: persistent with no server, for any number of threads, tasks and processes.

    The file is opened at the first use, and again if somebody deletes or replaces it. A new one may be read by its
    owner alone. It is written ahead (WAL): what a method has returned from is on disk. SQLite has no asynchronous
    interface, so that the ``a`` methods run in two threads of the store, one for reads and one for writes. These serve
    all event loops and do not keep the process from ending.

    Args:
        path: The file; it is made if it does not exist. Its folder must exist, on a disk of this machine.
        ttl: Time that a session is kept after its last change, in seconds or as a timedelta; for ever if ``None``.
        archive: Keep evicted messages.
        search: Keep an index in the file, so that `SessionManager.search` finds in all sessions without reading them.
        timeout: Seconds to wait for other processes, while none of this process gets through to the file.

    Raises:
        TypeError: ``path`` is not a path, or ``archive`` or ``search`` not a bool.
        ValueError: ``path`` does not name a file, or ``ttl`` or ``timeout`` is not a time.

    Examples:
        >>> with SQLiteStore("chats.db", archive=True) as store:
        ...     sessions = SessionManager(memory_window=10, store=store)
    """

    schemes = ("sqlite",)
    _path = ""

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        ttl: float | timedelta | None = None,
        archive: bool = False,
        search: bool = False,
        timeout: float = DEFAULT_TIMEOUT,
    ) -> None:
        self._path = absolute(path)
        self.archive = checked_flag("archive", archive)
        self._ttl = ttl_milliseconds(ttl)
        self.timeout = checked_timeout(timeout)
        self.search = checked_flag("search", search)
        super().__init__(SQLiteFile(self._path, self.timeout), search=self.search)

    @classmethod
    def from_url(cls, url: str) -> Self:
        """See `Store.from_url`; ``sqlite:///`` precedes a relative path, ``sqlite:////`` an absolute one."""
        options = UrlOptions(url)
        place = url.partition(":")[2].partition("?")[0]
        path = place.removeprefix("///")
        if path in {"", place}:
            raise ValueError("a SQLite URL must be sqlite:///relative/path or sqlite:////absolute/path")
        store = cls(
            unquote(path),
            ttl=options.number("ttl", None),
            archive=options.flag("archive"),
            search=options.flag("search"),
            timeout=options.number("timeout", DEFAULT_TIMEOUT),
        )
        options.check_rest()
        return store

    def describe_url(self) -> StoreUrl:
        """See `Store.describe_url`."""
        timeout = None if self.timeout == DEFAULT_TIMEOUT else self.timeout
        url, search = f"sqlite:///{quote(self._path)}", self._index is not None
        ttl = in_seconds(self._ttl)
        return StoreUrl(with_options(url, ttl=ttl, archive=self.archive, search=search, timeout=timeout))

    def __repr__(self) -> str:
        return f"SQLiteStore({self._path!r})"

    @property
    def path(self) -> str:
        """The file, as an absolute path."""
        return self._path

    def append(
        self,
        session_id: str,
        records: Sequence[Record],
        window: Window,
        operation_id: str,
        **options: Unpack[AppendOptions],
    ) -> Appended:
        """See `Store.append`."""
        holder = holder_of(self, session_id)
        return self._write(lambda: self._append(session_id, records, window, operation_id, options, holder))

    async def aappend(
        self,
        session_id: str,
        records: Sequence[Record],
        window: Window,
        operation_id: str,
        **options: Unpack[AppendOptions],
    ) -> Appended:
        """See `Store.append`."""
        holder = holder_of(self, session_id)  # here, as the thread has another context
        return await self._awrite(lambda: self._append(session_id, records, window, operation_id, options, holder))

    def replace(self, session_id: str, edit: Edit, expected: str | None, operation_id: str) -> None:
        """See `Store.replace`."""
        holder = holder_of(self, session_id)
        self._write(lambda: self._replace(session_id, edit, expected, operation_id, holder))

    async def areplace(self, session_id: str, edit: Edit, expected: str | None, operation_id: str) -> None:
        """See `Store.replace`."""
        holder = holder_of(self, session_id)
        await self._awrite(lambda: self._replace(session_id, edit, expected, operation_id, holder))

    def lease(self, session_id: str, name: str, holder: str, seconds: float) -> bool:
        """See `Store.lease`."""
        return self._write(lambda: leases.lease(session_id, name, holder, now(), round(seconds * 1000)))

    async def alease(self, session_id: str, name: str, holder: str, seconds: float) -> bool:
        """See `lease`."""
        return await self._awrite(lambda: leases.lease(session_id, name, holder, now(), round(seconds * 1000)))

    def delete(self, session_id: str) -> None:
        """See `Store.delete`."""
        holder = holder_of(self, session_id)
        self._write(lambda: statements.delete(session_id, now=now(), holder=holder))

    async def adelete(self, session_id: str) -> None:
        """See `Store.delete`."""
        holder = holder_of(self, session_id)
        await self._awrite(lambda: statements.delete(session_id, now=now(), holder=holder))

    def sessions(self) -> Iterator[str]:
        """See `Store.sessions`."""
        page = self._read(lambda: listing.sessions("", now()))
        while page:
            yield from page
            page = self._read(partial(listing.sessions, page[-1], now()))

    async def asessions(self) -> AsyncIterator[str]:
        """See `Store.sessions`."""
        page = await self._aread(lambda: listing.sessions("", now()))
        while page:
            for session_id in page:
                yield session_id
            page = await self._aread(partial(listing.sessions, page[-1], now()))

    def describe(self, session_id: str) -> SessionInfo | None:
        """See `Store.describe`."""
        return self._read(lambda: statements.describe(session_id, now()))

    async def adescribe(self, session_id: str) -> SessionInfo | None:
        """See `Store.describe`."""
        return await self._aread(lambda: statements.describe(session_id, now()))

    def notices(self, session_id: str | None, every: float = EVERY) -> FileNotices:  # noqa: ARG002
        """See `Store.notices`."""
        return FileNotices(self._file, self._aread, session_id)

    def find(
        self, terms: Terms, *, since: int | None, skip: int, limit: int, session_id: str | None = None
    ) -> Sequence[Place] | None:
        """See `Store.find`; what is not indexed yet is indexed first.

        ``None`` as well if that takes longer than the store's timeout, or others keep the file locked for as long.
        """
        if self._index is None:
            return None
        with suppress(StoreUnavailableError):
            for _ in self._index.batches(within=self.timeout):
                pass
            return self._index.find(terms, since, skip, limit, session_id)
        return None

    async def afind(
        self, terms: Terms, *, since: int | None, skip: int, limit: int, session_id: str | None = None
    ) -> Sequence[Place] | None:
        """See `find`."""
        if self._index is None:
            return None
        with suppress(StoreUnavailableError):
            await self._each(self._index.batches(within=self.timeout))
            return await self._in_thread(
                self._readers, partial(self._index.find, terms, since, skip, limit, session_id)
            )
        return None

    def index_sessions(self, progress: Callable[[int], object] | None = None) -> None:
        """Index all that is not indexed yet, such as what a file held before it had an index.

        Without it, searches and writes do that bit by bit, and searches read the sessions until it is done. If it is
        interrupted, the next one goes on from there.

        Args:
            progress: Called now and then with the number of messages that are left.

        Raises:
            StoreError: The store was made without ``search=True``, this SQLite has no FTS5, or the file cannot be
                written to.
        """
        for _ in self._searched().batches(progress):
            pass

    async def aindex_sessions(self, progress: Callable[[int], object] | None = None) -> None:
        """See `index_sessions`; ``progress`` is called in a thread of the store."""
        await self._each(self._searched().batches(progress))

    def _searched(self) -> IndexedFile:
        if self._index is None:
            raise StoreError("the store was made without search=True, and keeps no index")
        return self._index

    def _append(
        self,
        session_id: str,
        records: Sequence[Record],
        window: Window,
        operation_id: str,
        options: AppendOptions,
        holder: str | None,
    ) -> Statements[Appended]:
        return statements.append(
            session_id,
            records,
            window,
            operation_id,
            now=now(),
            ttl=self._ttl,
            archive=self.archive,
            holder=holder,
            **options,
        )

    def _replace(
        self, session_id: str, edit: Edit, expected: str | None, operation_id: str, holder: str | None
    ) -> Statements[None]:
        return statements.replace(
            session_id, edit, expected, operation_id, now=now(), ttl=self._ttl, archive=self.archive, holder=holder
        )
