"""Sessions in the memory of this process."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING

from sessionkit_integrations.records.record import now
from sessionkit_integrations.records.times import moment
from sessionkit_integrations.runtime.calling import in_thread_if_many
from sessionkit_integrations.runtime.forks import ForkSafe
from sessionkit_integrations.stores.base import Store
from sessionkit_integrations.stores.notices import EVERY, Mailbox
from sessionkit_integrations.stores.operation_ids import is_known
from sessionkit_integrations.stores.options import UrlOptions, checked_flag, ttl_milliseconds
from sessionkit_integrations.stores.state import SessionState, conflict
from sessionkit_integrations.stores.turns import check_turn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence
    from datetime import timedelta

    from typing_extensions import Self, Unpack

    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.stores.branches import Branch
    from sessionkit_integrations.stores.values import (
        Appended,
        AppendOptions,
        Edit,
        Exchange,
        SessionInfo,
        Snapshot,
    )
    from sessionkit_integrations.window.turns import Window


class InMemoryStore(ForkSafe, Store):
    """Sessions in the memory of this process: safe for threads and tasks, gone when the process ends.

    Args:
        ttl: Time that a session is kept after its last change, in seconds or as a timedelta; for ever if ``None``.
        archive: Keep evicted messages.

    Raises:
        TypeError: ``archive`` is not a bool.
        ValueError: ``ttl`` is not a time of at least a millisecond.

    Examples:
        >>> sessions = SessionManager(store=InMemoryStore(ttl=3600, archive=True))
    """

    schemes = ("memory",)

    def __init__(self, *, ttl: float | timedelta | None = None, archive: bool = False) -> None:
        self._sessions: dict[str, SessionState] = {}
        self.archive = checked_flag("archive", archive)
        self._ttl = (ttl_milliseconds(ttl) or 0) / 1000
        self._expiry: OrderedDict[str, float] = OrderedDict()  # a dict takes longer for each first key that was removed
        """Times at which sessions end, by the monotonic clock; soonest first, as every change moves one to the end."""
        self._mailboxes: set[_Mailbox] = set()
        super().__init__()

    @classmethod
    def from_url(cls, url: str) -> Self:
        """See `Store.from_url`."""
        options = UrlOptions(url)
        store = cls(ttl=options.number("ttl", None), archive=options.flag("archive"))
        options.check_rest()
        return store

    def __repr__(self) -> str:
        return f"InMemoryStore({len(self._sessions)} sessions)"

    def append(
        self,
        session_id: str,
        records: Sequence[Record],
        window: Window,
        operation_id: str,
        **options: Unpack[AppendOptions],
    ) -> Appended:
        """See `Store.append`."""
        with self._lock:
            check_turn(self, session_id)
            state = self._load(session_id)
            appended = state.append(records, window, operation_id, archive=self.archive, **options)
            self._save(session_id, state)
        return appended

    def read(
        self, session_id: str, *, archived: bool = False, start: int | None = None, stop: int | None = None
    ) -> Snapshot:
        """See `Store.read`."""
        with self._lock:
            return self._load(session_id).read(archived=archived, start=start, stop=stop)

    def replace(self, session_id: str, edit: Edit, expected: str | None, operation_id: str) -> None:
        """See `Store.replace`."""
        with self._lock:
            check_turn(self, session_id)
            state = self._load(session_id)
            state.replace(edit, expected, operation_id, archive=self.archive)
            self._save(session_id, state)

    def fork(self, session_id: str, new_session_id: str, branch: Branch, operation_id: str) -> None:
        """See `Store.fork`."""
        with self._lock:
            check_turn(self, new_session_id)
            source, state = self._load(session_id), self._load(new_session_id)
            is_retry = is_known(state.operations, operation_id)
            oldest = tuple(source.archived[:1])
            if branch.archived and branch.is_outdated(source.describe(), oldest) and not is_retry:
                raise conflict()
            edit = branch.edit(session_id, tuple(source.archived[: branch.archived]))
            state.replace(edit, None, operation_id, archive=self.archive)
            self._save(new_session_id, state)

    def exchange(self, session_id: str, exchange: Exchange) -> bool:
        """See `Store.exchange`."""
        with self._lock:
            return self._load(session_id).exchange(exchange)

    def delete(self, session_id: str) -> None:
        """See `Store.delete`."""
        with self._lock:
            check_turn(self, session_id)
            self._sessions.pop(session_id, None)
            self._expiry.pop(session_id, None)
            self._notify(session_id)

    def notices(self, session_id: str | None, every: float = EVERY) -> Mailbox:  # noqa: ARG002
        """See `Store.notices`."""
        return _Mailbox(self._mailboxes, session_id)

    def lease(self, session_id: str, name: str, holder: str, seconds: float) -> bool:
        """See `Store.lease`."""
        with self._lock:  # so that no write is under way that was begun in another turn
            return super().lease(session_id, name, holder, seconds)

    async def alease(self, session_id: str, name: str, holder: str, seconds: float) -> bool:
        """See `lease`."""
        return self.lease(session_id, name, holder, seconds)

    def sessions(self) -> Iterator[str]:
        """See `Store.sessions`."""
        with self._lock:
            self._drop_expired()
            return iter(list(self._sessions))

    def describe(self, session_id: str) -> SessionInfo | None:
        """See `Store.describe`."""
        with self._lock:
            state = self._load(session_id)
            ends = self._expiry.get(session_id)
            return state.describe(None if ends is None else moment(now() + int((ends - time.monotonic()) * 1000)))

    # Nothing here waits, so the twins need no thread, unless many records are sealed again.

    async def aappend(
        self,
        session_id: str,
        records: Sequence[Record],
        window: Window,
        operation_id: str,
        **options: Unpack[AppendOptions],
    ) -> Appended:
        """See `Store.append`."""
        return self.append(session_id, records, window, operation_id, **options)

    async def aread(
        self, session_id: str, *, archived: bool = False, start: int | None = None, stop: int | None = None
    ) -> Snapshot:
        """See `Store.read`."""
        return self.read(session_id, archived=archived, start=start, stop=stop)

    async def areplace(self, session_id: str, edit: Edit, expected: str | None, operation_id: str) -> None:
        """See `Store.replace`."""
        self.replace(session_id, edit, expected, operation_id)

    async def afork(self, session_id: str, new_session_id: str, branch: Branch, operation_id: str) -> None:
        """See `Store.fork`."""
        number = branch.archived if branch.carrier.changes else 0
        await in_thread_if_many(number, self.fork, session_id, new_session_id, branch, operation_id)

    async def aexchange(self, session_id: str, exchange: Exchange) -> bool:
        """See `Store.exchange`."""
        return self.exchange(session_id, exchange)

    async def adelete(self, session_id: str) -> None:
        """See `Store.delete`."""
        self.delete(session_id)

    async def asessions(self) -> AsyncIterator[str]:
        """See `Store.sessions`."""
        for session_id in self.sessions():
            yield session_id

    async def adescribe(self, session_id: str) -> SessionInfo | None:
        """See `Store.describe`."""
        return self.describe(session_id)

    def _load(self, session_id: str) -> SessionState:
        self._drop_expired()
        return self._sessions.get(session_id) or SessionState()

    def _notify(self, session_id: str) -> None:
        for mailbox in list(self._mailboxes):
            mailbox.put(session_id)

    def _save(self, session_id: str, state: SessionState) -> None:
        self._notify(session_id)
        if not state.exists:
            self._sessions.pop(session_id, None)
            self._expiry.pop(session_id, None)
            return
        self._sessions[session_id] = state
        if self._ttl:
            self._expiry[session_id] = time.monotonic() + self._ttl
            self._expiry.move_to_end(session_id)

    def _drop_expired(self) -> None:
        present = time.monotonic()
        while self._expiry:
            session_id, ends = next(iter(self._expiry.items()))
            if ends > present:
                return
            del self._expiry[session_id], self._sessions[session_id]


class _Mailbox(Mailbox):
    """A mailbox that is among others while it is open."""

    def __init__(self, among: set[_Mailbox], session_id: str | None) -> None:
        super().__init__(session_id)
        self._among = among

    def open(self) -> None:
        self._among.add(self)

    async def aopen(self) -> None:
        self.open()

    def close(self) -> None:
        self._among.discard(self)
