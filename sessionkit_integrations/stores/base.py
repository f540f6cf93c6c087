"""The interface of stores: five operations, each of which happens at once or not at all."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from sessionkit_integrations.records.record import role_of, time_written
from sessionkit_integrations.records.times import moment
from sessionkit_integrations.runtime.context import Closeable
from sessionkit_integrations.runtime.retries import DEFAULT_TIMEOUT
from sessionkit_integrations.stores.abilities import Abilities
from sessionkit_integrations.stores.copies import identity_of, restore
from sessionkit_integrations.stores.exchanging import by_replacing
from sessionkit_integrations.stores.schemes import claim
from sessionkit_integrations.stores.state import conflict
from sessionkit_integrations.stores.totals import totals_of
from sessionkit_integrations.stores.values import SessionInfo, Snapshot
from sessionkit_integrations.window.turns import number_turns

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from typing_extensions import Self, Unpack

    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.stores.branches import Branch
    from sessionkit_integrations.stores.copies import StoreUrl
    from sessionkit_integrations.stores.values import Appended, AppendOptions, Edit, Exchange
    from sessionkit_integrations.window.turns import Window


class Store(Abilities, Closeable, ABC):
    """Base class of stores. Implement its five abstract methods and `describe` to have a store of your own.

    Each operation is atomic: concurrent callers see all of it or nothing. `SessionState` holds the rules, so that your
    store only loads, changes and saves one under a lock. The ``a`` twins run the plain methods in a thread; override
    them where your driver is asynchronous. ``sessionkit_integrations.testing`` has the conformance suite that every
    store passes.

    A session with neither active nor archived records does not exist.

    To have your store in `SessionManager.from_url` and in the command line, set ``schemes`` and override `from_url`.
    Where nothing imports its module, name the class by an entry point of the group ``sessionkit.stores``, one for each
    scheme.

    Examples:
        >>> from collections import defaultdict
        >>> from threading import Lock
        >>> class DictStore(Store):
        ...     def __init__(self) -> None:
        ...         self.states: dict[str, SessionState] = defaultdict(SessionState)
        ...         self.lock = Lock()
        ...
        ...     def append(self, session_id, records, window, operation_id, **options):
        ...         with self.lock:
        ...             state = self.states[session_id]
        ...             return state.append(records, window, operation_id, archive=self.archive, **options)
        ...
        ...     def read(self, session_id, *, archived=False, start=None, stop=None):
        ...         with self.lock:
        ...             return self.states[session_id].read(archived=archived, start=start, stop=stop)
        ...
        ...     def replace(self, session_id, edit, expected, operation_id):
        ...         with self.lock:
        ...             self.states[session_id].replace(edit, expected, operation_id, archive=self.archive)
        ...
        ...     def delete(self, session_id):
        ...         with self.lock:
        ...             self.states.pop(session_id, None)
        ...
        ...     def sessions(self):
        ...         with self.lock:
        ...             return iter([session_id for session_id, state in self.states.items() if state.exists])
        >>> sessions = SessionManager(memory_window=10, store=DictStore())
        >>> sessions.prompt("user123", "Hello!")
        [{'role': 'user', 'content': 'Hello!'}]
    """

    archive: bool = False
    """True if evicted records are kept in an archive. Edits may add to the archive in either case."""

    timeout: float = DEFAULT_TIMEOUT
    """Seconds that an operation may take."""

    schemes: ClassVar[tuple[str, ...]] = ()
    """Schemes of the URLs that name a store of this class, in lower case."""

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if "schemes" in vars(cls):
            claim(cls, cls.schemes)

    @property
    def origin(self) -> Store:
        """The store that holds the sessions: this one, or that behind one which seals records."""
        return self

    @classmethod
    def from_url(cls, url: str) -> Self:
        """Return the store that a URL of one of `schemes` names.

        Args:
            url: The URL. Its repr is hidden, as it may hold a password.

        Raises:
            ValueError: The URL names no store, or has an option that the store does not take.
        """
        raise NotImplementedError(f"{cls.__qualname__} does not say how a URL names one: override from_url")

    def describe_url(self) -> StoreUrl | None:
        """Return the URL of which `from_url` makes a store on the same sessions; ``None`` if no URL says it all."""
        return None

    @abstractmethod
    def append(
        self,
        session_id: str,
        records: Sequence[Record],
        window: Window,
        operation_id: str,
        **options: Unpack[AppendOptions],
    ) -> Appended:
        """Add records to the end of a session, then evict what leaves the window.

        An append whose ``operation_id`` is one of the session's last ones changes nothing: it is a retry.

        Args:
            session_id: The session.
            records: The records.
            window: The window to apply.
            operation_id: The id of the operation.
            options: More that is asked for; pass them on to `SessionState.append`.

        Returns:
            What became of the session.

        Raises:
            InvalidMessageError: A turn would be longer than ``window`` allows; nothing was written.
            QuotaExceededError: A limit of the session would be passed; nothing was written.
        """

    @abstractmethod
    def read(
        self, session_id: str, *, archived: bool = False, start: int | None = None, stop: int | None = None
    ) -> Snapshot:
        """Return the active (or the archived) records of a session; none if there is no such session.

        ``start`` and ``stop`` take a part of them, as a slice of a list does: negative numbers count from the newest
        record. ``start=-50`` returns the newest 50, ``start=-100, stop=-50`` the 50 before them.
        """

    @abstractmethod
    def replace(self, session_id: str, edit: Edit, expected: str | None, operation_id: str) -> None:
        """Make an edit, if the active records still have the version ``expected`` (``None``: any version).

        An edit whose ``operation_id`` is one of the session's last ones changes nothing: it is a retry.

        Raises:
            ConflictError: The version is a different one, or another summary covers what this one does, or the session
                was deleted and begun again, or exists and must not; nothing was changed.
        """

    @abstractmethod
    def delete(self, session_id: str) -> None:
        """Delete a session with its archive."""

    @abstractmethod
    def sessions(self) -> Iterator[str]:
        """Iterate over the ids of all sessions, each once, in no particular order."""

    def fork(self, session_id: str, new_session_id: str, branch: Branch, operation_id: str) -> None:
        """Begin a session with records of another one, all at once.

        A fork whose ``operation_id`` is one of the new session's last ones changes nothing: it is a retry.

        This default reads what is archived, and makes the session by one `replace`: at once, and once, but in the
        memory that the archive takes. Override it where your store can copy by itself or in pages.

        Args:
            session_id: The session to copy from.
            new_session_id: The session to begin.
            branch: What it begins with.
            operation_id: The id of the operation.

        Raises:
            ConflictError: The new session exists, or the archive of the other one is not what it was.
            SealError: ``branch.carrier``, which is to be shown what is copied, refused a record. Nothing was changed.
        """
        part = self.read(session_id, archived=True, stop=branch.archived)
        edit = _branch_edit(session_id, branch, part.records, self.describe(session_id))
        self.replace(new_session_id, edit, None, operation_id)

    async def afork(self, session_id: str, new_session_id: str, branch: Branch, operation_id: str) -> None:
        """See `fork`."""
        if type(self).fork is not Store.fork:
            return await asyncio.to_thread(self.fork, session_id, new_session_id, branch, operation_id)
        part = await self.aread(session_id, archived=True, stop=branch.archived)
        edit = _branch_edit(session_id, branch, part.records, await self.adescribe(session_id))
        return await self.areplace(new_session_id, edit, None, operation_id)

    def exchange(self, session_id: str, exchange: Exchange) -> bool:
        """Replace some records with others that say the same, and change nothing else of the session.

        An exchange that was made before changes nothing: it is a retry.

        This default makes it by one `replace`, which for archived records is one of the whole archive. Override it
        where your store can write some records alone, without a change of the session's times; `SessionState.exchange`
        does it for those that save one.

        Args:
            session_id: The session.
            exchange: The records.

        Returns:
            ``False`` if other records are in the place; nothing was changed.
        """
        return by_replacing(self, session_id, exchange)

    async def aexchange(self, session_id: str, exchange: Exchange) -> bool:
        """See `exchange`."""
        return await asyncio.to_thread(self.exchange, session_id, exchange)

    def describe(self, session_id: str) -> SessionInfo | None:
        """Return figures of a session, or ``None`` if there is no such session.

        This default reads the whole session, and takes its times and its usage from the records that are there. It
        knows nothing of summaries and limits: override it, as by `SessionState.describe`.
        """
        return described(self.read(session_id), self.read(session_id, archived=True))

    def __deepcopy__(self, _memo: object) -> Self:
        # Frameworks copy what their objects hold; a copy is of the same sessions.
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return restore, (type(self), identity_of(self), self.describe_url())

    async def aappend(
        self,
        session_id: str,
        records: Sequence[Record],
        window: Window,
        operation_id: str,
        **options: Unpack[AppendOptions],
    ) -> Appended:
        """See `append`."""
        return await asyncio.to_thread(self.append, session_id, records, window, operation_id, **options)

    async def aread(
        self, session_id: str, *, archived: bool = False, start: int | None = None, stop: int | None = None
    ) -> Snapshot:
        """See `read`."""
        return await asyncio.to_thread(self.read, session_id, archived=archived, start=start, stop=stop)

    async def areplace(self, session_id: str, edit: Edit, expected: str | None, operation_id: str) -> None:
        """See `replace`."""
        await asyncio.to_thread(self.replace, session_id, edit, expected, operation_id)

    async def adelete(self, session_id: str) -> None:
        """See `delete`."""
        await asyncio.to_thread(self.delete, session_id)

    async def asessions(self) -> AsyncIterator[str]:
        """See `sessions`."""
        for session_id in await asyncio.to_thread(lambda: list(self.sessions())):
            yield session_id

    async def adescribe(self, session_id: str) -> SessionInfo | None:
        """See `describe`."""
        if type(self).describe is not Store.describe:
            return await asyncio.to_thread(self.describe, session_id)
        return described(await self.aread(session_id), await self.aread(session_id, archived=True))

    def close(self) -> None:
        """Close connections and files that the store opened. Clients that it was given stay open."""

    async def aclose(self) -> None:
        """See `close`."""
        await asyncio.to_thread(self.close)


def _branch_edit(session_id: str, branch: Branch, archived: tuple[Record, ...], source: SessionInfo | None) -> Edit:
    if branch.archived and (branch.is_outdated(source, archived[:1]) or len(archived) < branch.archived):
        raise conflict()
    return branch.edit(session_id, archived)


def described(active: Snapshot, archived: Snapshot) -> SessionInfo | None:
    """Return the figures of a session that its records tell; ``None`` if there are none."""
    if not active.records and not archived.records:
        return None
    numbers = number_turns(map(role_of, active.records))
    written = (moment(time_written(record)) for record in (*archived.records, *active.records))
    times = sorted(time for time in written if time is not None)
    created, updated = (times[0], times[-1]) if times else (None, None)
    usage = totals_of((*archived.records, *active.records))
    counts = numbers[-1] if numbers else 0, len(active.records), len(archived.records)
    return SessionInfo(*counts, created=created, updated=updated, usage=usage)
