"""Live sessions: each change, as it comes."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sessionkit_integrations.errors import StoreUnavailableError
from sessionkit_integrations.records.messages import check_session_id
from sessionkit_integrations.runtime.context import AsyncCloseable, SyncCloseable
from sessionkit_integrations.runtime.logs import LOGGER
from sessionkit_integrations.runtime.steps import Emit, Pause, astream, stream
from sessionkit_integrations.sessions.comparing import Known, figures_of
from sessionkit_integrations.sessions.following import begin, known_of, look
from sessionkit_integrations.sessions.steps import Describe, NextSession, StoreStep, arun_on, run_on
from sessionkit_integrations.stores.base import Store
from sessionkit_integrations.stores.notices import EVERY
from sessionkit_integrations.stores.options import check_seconds

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Collection, Generator

    from typing_extensions import Self

    from sessionkit_integrations.runtime.steps import Steps
    from sessionkit_integrations.sessions.chats import Chats
    from sessionkit_integrations.sessions.following import Found
    from sessionkit_integrations.sessions.snapshot import SessionSnapshot
    from sessionkit_integrations.stores.notices import Notices

T = TypeVar("T")

_LONGEST_WAIT = 1.0
"""Seconds after which a watch looks up from waiting, to see whether somebody closed it."""

_LOOK_AGAIN = 10.0
"""Seconds after which a session that is watched alone is looked at without a notice: others may give none."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
"""Seconds between two attempts at a store that cannot be reached."""

_MOST_READ = 10_000
"""Sessions whose records are remembered, if all are watched; of the others, only the figures are."""


@dataclass(frozen=True)
class _Take(StoreStep["Collection[str | None]"]):
    """Waits for notices."""

    notices: Notices
    seconds: float

    def perform(self, store: Store) -> Collection[str | None]:  # noqa: ARG002 - as of every step
        """See `StoreStep.perform`."""
        return self.notices.take(self.seconds)

    async def aperform(self, store: Store) -> Collection[str | None]:  # noqa: ARG002 - as above
        """See `StoreStep.perform`."""
        return await self.notices.atake(self.seconds)


class Watcher:
    """Finds the changes of one session or of all, as an operation of steps.

    Args:
        store: The store.
        chats: Its sessions.
        session_id: The session; all of them if ``None``.
        timeout: Seconds without a change after which it ends; never if ``None``.
        every: Seconds between two looks, where the store gives no notices.
        report: Called once with the error when the store cannot be reached; it is tried again all the same.

    Attributes:
        notices: The notices of the store.
        closed: Set it to end.
        start: The session as it was when it began, if it watches one.
    """

    def __init__(
        self,
        store: Store,
        chats: Chats[Any],
        session_id: str | None,
        timeout: float | None = None,
        *,
        every: float = EVERY,
        report: Callable[[StoreUnavailableError], object] | None = None,
    ) -> None:
        if session_id is not None:
            check_session_id(session_id)
        self.store = store
        self.notices = store.notices(session_id, every)
        self.closed = False
        self.start: SessionSnapshot[Any] | None = None
        self._chats = chats
        self._session_id = session_id
        self._timeout = _checked_timeout(timeout)
        self._report = report or _log
        self._counts = type(store.origin).describe is not Store.describe
        self._known: dict[str, Known] = {}
        self._read: OrderedDict[str, None] = OrderedDict()
        self._pending: dict[str, None] = {}
        self._looked_at = time.monotonic()
        self._is_unsure = False
        """True if any session may have changed."""

    def begin(self) -> Steps[None]:
        """Find out how things are, after the notices were opened."""
        if self._session_id is not None:
            known, self.start = yield from begin(self._chats, self._session_id, counts=self._counts)
            self._known[self._session_id] = known
            return
        ids = NextSession()
        while (session_id := (yield from ids)) is not None:
            if self._counts:
                self._known[session_id] = known_of((yield from Describe(session_id)))
            else:
                self._known[session_id], _ = yield from begin(self._chats, session_id, counts=False)

    def changes(self) -> Steps[None]:
        """Emit each change with its session, until it is over."""
        changed, failures = time.monotonic(), 0
        while not self.closed:
            left = math.inf if self._timeout is None else changed + self._timeout - time.monotonic()
            try:
                yield from self._listen(0 if self._pending or self._is_unsure else max(min(left, _LONGEST_WAIT), 0))
                while self._pending:
                    session_id = next(iter(self._pending))
                    found = yield from self._look(session_id)
                    if found is not None:
                        yield Emit([(session_id, found)])
                        changed = time.monotonic()
            except StoreUnavailableError as error:
                if left <= 0:
                    raise
                failures += 1
                if failures == 1:
                    self._report(error)
                yield Pause(min(_FIRST_PAUSE * failures, _LONGEST_PAUSE))
            else:
                failures = 0
                if changed + (math.inf if self._timeout is None else self._timeout) <= time.monotonic():
                    return

    def _listen(self, seconds: float) -> Steps[None]:
        """Take notices, and find out which sessions to look at."""
        heard = yield from _Take(self.notices, seconds)
        now = time.monotonic()
        if self._session_id is not None:
            if heard or now - self._looked_at > _LOOK_AGAIN:
                self._pending[self._session_id] = None
                self._looked_at = now
            return
        self._pending.update(dict.fromkeys(each for each in heard if each is not None))
        self._is_unsure = self._is_unsure or None in heard
        if self._is_unsure:
            yield from self._survey()
            self._is_unsure = False

    def _survey(self) -> Steps[None]:
        """Find the sessions that changed among all."""
        ids, unlisted = NextSession(), dict.fromkeys(self._known)
        while (session_id := (yield from ids)) is not None:
            unlisted.pop(session_id, None)
            known = self._known.get(session_id)
            info = (yield from Describe(session_id)) if self._counts and known is not None else None
            if info is None or known is None or figures_of(info) != known.figures:
                self._pending[session_id] = None
        self._pending.update(unlisted)

    def _look(self, session_id: str) -> Steps[Found | None]:
        known = self._known.get(session_id, known_of(None))
        now, found = yield from look(self._chats, session_id, known, counts=self._counts)
        del self._pending[session_id]
        self._known[session_id] = now
        self._read.pop(session_id, None)
        if not now.exists and self._session_id is None:
            del self._known[session_id]
        else:
            self._read[session_id] = None
            if self._counts and len(self._read) > _MOST_READ:
                oldest, _ = self._read.popitem(last=False)
                self._known[oldest] = self._known[oldest].without_records()
        return found


class Watch(SyncCloseable, Generic[T]):
    """The changes of a session, or of all: an iterator, and a context manager. It begins when it is made.

    Args:
        watcher: Finds the changes.
        make: Makes of a session and what was found there what is returned.
    """

    def __init__(self, watcher: Watcher, make: Callable[[str, Found], T]) -> None:
        self._watcher, self._make = watcher, make
        self._found = _found(watcher)
        next(self._found)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        return self._make(*next(self._found))

    def close(self) -> None:
        """End it, and the connection that it has; a thread that waits for a change stops within a second."""
        self._watcher.closed = True
        with suppress(ValueError):  # another thread waits in it
            self._found.close()


class AsyncWatch(AsyncCloseable, Generic[T]):
    """The changes of a session, or of all: an asynchronous iterator, and a context manager.

    It begins with ``async with``, or else when the first change is awaited.

    Args:
        watcher: Finds the changes.
        make: As of `Watch`.
    """

    def __init__(self, watcher: Watcher, make: Callable[[str, Found], T]) -> None:
        self._watcher, self._make = watcher, make
        self._found: Any = _afound(watcher)  # types know no ``ag_running`` of it
        self._has_begun = False

    async def __aenter__(self) -> Self:
        await self._begin()
        return self

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        await self._begin()
        return self._make(*await anext(self._found))

    async def aclose(self) -> None:
        """End it, and the connection that it has; a task that waits for a change stops within a second."""
        self._watcher.closed = True
        if not self._found.ag_running:
            await self._found.aclose()

    async def _begin(self) -> None:
        if not self._has_begun:
            self._has_begun = True
            await anext(self._found)


def _found(watcher: Watcher) -> Generator[Any, None, None]:
    """Yield ``None`` once it has begun, and then each change with its session."""
    try:
        watcher.notices.open()
        run_on(watcher.store, watcher.begin())
        yield None
        yield from stream(watcher.changes(), lambda step: step.perform(watcher.store))
    finally:
        watcher.notices.close()


async def _afound(watcher: Watcher) -> AsyncGenerator[Any, None]:
    """See `_found`."""
    try:
        await watcher.notices.aopen()
        await arun_on(watcher.store, watcher.begin())
        yield None
        async for found in astream(watcher.changes(), lambda step: step.aperform(watcher.store)):
            yield found
    finally:
        await watcher.notices.aclose()


def _checked_timeout(timeout: float | None) -> float | None:
    if timeout is None:
        return None
    check_seconds("timeout", timeout, form="a number of seconds or None")
    if not 0 <= timeout < math.inf:
        raise ValueError(f"timeout must be a number of seconds of at least 0, got {timeout}")
    return timeout


def _log(error: StoreUnavailableError) -> None:
    LOGGER.warning("a watch goes on when the store can be reached again: %s", error)
