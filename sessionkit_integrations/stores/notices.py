"""Notices of writes: hints at which sessions to look at again.

A notice says that a session was written to, and nothing else. Whoever gets it reads the session and compares. So
notices may be late, doubled or put together, and a store that cannot tell which session was written to says that any
may have been, as after its connection was lost. While nobody takes them, at most one for each session is kept.
"""

from __future__ import annotations

import asyncio
import threading
import time
from abc import abstractmethod
from contextlib import suppress
from typing import TYPE_CHECKING

from sessionkit_integrations.runtime.context import Closeable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

EVERY = 0.5
"""Seconds between two looks at a store that gives no notices."""

_LONGEST, _SHARE = 10.0, 4
"""Longest pause between two looks, and how many times as long as a look it is at least."""

ANY: frozenset[str | None] = frozenset({None})
"""The notice that any session may have been written to."""


class Notices(Closeable):
    """Notices of the writes to a session, or to all sessions of a store, from the time that they are opened."""

    def open(self) -> None:
        """Begin to take note of writes.

        Raises:
            StoreError: The store failed.
        """

    async def aopen(self) -> None:
        """See `open`."""

    @abstractmethod
    def take(self, seconds: float) -> Collection[str | None]:
        """Return the sessions that were written to since the last time, as soon as there are any.

        Args:
            seconds: Time after which to return nothing. It may return nothing earlier than that.

        Returns:
            Their ids; ``None`` among them says that any session may have been written to.
        """

    @abstractmethod
    async def atake(self, seconds: float) -> Collection[str | None]:
        """See `take`."""

    def close(self) -> None:
        """End the thread, the task and the connection, if there are any."""

    async def aclose(self) -> None:
        """See `close`."""
        self.close()


class Polling(Notices):
    """Notices for a store that gives none: any session may have been written to, from time to time.

    Args:
        every: Seconds from one look to the next; longer, where looking takes long.
    """

    def __init__(self, every: float = EVERY) -> None:
        self._every = every
        self._looked_at = time.monotonic()

    def take(self, seconds: float) -> Collection[str | None]:
        """See `Notices.take`."""
        time.sleep(min(self._pause(), seconds))
        return self._look()

    async def atake(self, seconds: float) -> Collection[str | None]:
        """See `Notices.take`."""
        await asyncio.sleep(min(self._pause(), seconds))
        return self._look()

    def _pause(self) -> float:
        took = time.monotonic() - self._looked_at
        return max(self._every, min(took * _SHARE, _LONGEST))

    def _look(self) -> Collection[str | None]:
        self._looked_at = time.monotonic()
        return ANY


class Mailbox(Notices):
    """Notices that come from other threads, for one that takes them.

    Args:
        session_id: The session whose notices are kept; ``None`` keeps the notices of all sessions.
    """

    def __init__(self, session_id: str | None = None) -> None:
        self._session_id = session_id
        self._waiting = threading.Condition()
        self._sessions: dict[str | None, None] = {}
        self._wake: Callable[[], object] | None = None

    def put(self, session_id: str | None) -> None:
        """Leave a notice; ``None`` says that any session may have been written to."""
        if session_id != self._session_id and session_id is not None and self._session_id is not None:
            return
        with self._waiting:
            self._sessions[session_id] = None
            self._waiting.notify_all()
            wake = self._wake
        if wake is not None:
            with suppress(RuntimeError):  # its loop was closed while it waited
                wake()

    def take(self, seconds: float) -> Collection[str | None]:
        """See `Notices.take`."""
        with self._waiting:
            if not self._sessions:
                self._waiting.wait(min(seconds, threading.TIMEOUT_MAX))
            return self._emptied()

    async def atake(self, seconds: float) -> Collection[str | None]:
        """See `Notices.take`."""
        event, loop = asyncio.Event(), asyncio.get_running_loop()
        with self._waiting:
            if self._sessions:
                return self._emptied()
            self._wake = lambda: loop.call_soon_threadsafe(event.set)
        timer = loop.call_later(seconds, event.set)
        try:
            await event.wait()  # not in `wait_for`, which before Python 3.12 may forget that its task was cancelled
        finally:
            timer.cancel()
            self._wake = None
        with self._waiting:
            return self._emptied()

    def _emptied(self) -> Collection[str | None]:
        sessions, self._sessions = self._sessions, {}
        return sessions
