"""Notices that a server passes on: one connection that hears them, opened again when it is lost.

What was published while it was lost is gone. So each new connection is followed by the notice that any session may have
been written to.
"""

from __future__ import annotations

import asyncio
import os
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from sessionkit_integrations.runtime.logs import LOGGER
from sessionkit_integrations.runtime.retries import Attempts, retrying
from sessionkit_integrations.runtime.steps import Step, arun, run
from sessionkit_integrations.stores.notices import ANY, Notices

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from sessionkit_integrations.runtime.retries import Failure, Policy
    from sessionkit_integrations.runtime.steps import Steps
    from sessionkit_integrations.stores.redis.keys import Keys

T = TypeVar("T")

_SLICE = 0.25
"""Seconds after which a thread that listens for an event loop looks up, so that it ends soon."""


@dataclass(frozen=True)
class Channel:
    """The channel of one session, or a pattern of the channels of all.

    Attributes:
        keys: The names of the store's keys.
        session_id: The session; all of them if ``None``.
    """

    keys: Keys
    session_id: str | None

    @property
    def name(self) -> str:
        """The channel or the pattern."""
        return self.keys.channels if self.is_pattern else self.keys.channel(self.keys.active(self.session_id or ""))

    @property
    def is_pattern(self) -> bool:
        """True if it is a pattern."""
        return self.session_id is None

    def heard(self, channel: str | bytes) -> set[str | None]:
        """Return the session that was written to, if it is one of the store's."""
        name = channel.decode(errors="replace") if isinstance(channel, bytes) else channel
        session_id = self.keys.session_of_channel(name)
        return set() if session_id is None else {session_id}


class Line(ABC):
    """One connection that hears a channel; its errors are the driver's."""

    @abstractmethod
    def connect(self) -> None:
        """Open it."""

    @abstractmethod
    def receive(self, seconds: float) -> Collection[str | None]:
        """Return the sessions that were written to; none after so many seconds, or earlier."""

    @abstractmethod
    def close(self) -> None:
        """Close it, if it is open."""


class AsyncLine(ABC):
    """The same for an event loop; see `Line`."""

    @abstractmethod
    async def connect(self) -> None:
        """See `Line.connect`."""

    @abstractmethod
    async def receive(self, seconds: float) -> Collection[str | None]:
        """See `Line.receive`."""

    @abstractmethod
    async def close(self) -> None:
        """See `Line.close`."""


class LineInThreads(AsyncLine):
    """A line for an event loop that has no connections of its own."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._running: asyncio.Future[Any] | None = None

    async def connect(self) -> None:
        """See `Line.connect`."""
        await self._in_thread(self._line.connect)

    async def receive(self, seconds: float) -> Collection[str | None]:
        """See `Line.receive`."""
        heard: Collection[str | None] = await self._in_thread(self._line.receive, min(seconds, _SLICE))
        return heard

    async def close(self) -> None:
        """See `Line.close`."""
        if self._running is not None:
            await asyncio.wait([self._running])
        await self._in_thread(self._line.close)

    async def _in_thread(self, function: Callable[..., Any], *args: float) -> Any:
        self._running = asyncio.ensure_future(asyncio.to_thread(function, *args))
        return await asyncio.shield(self._running)


@dataclass(frozen=True)
class _Use(Step[T]):
    """A use of a line, of either kind."""

    perform: Callable[[Line], T]
    aperform: Callable[[AsyncLine], Awaitable[T]]


_CONNECT = _Use[None](lambda line: line.connect(), lambda line: line.connect())
_CLOSE = _Use[None](lambda line: line.close(), lambda line: line.close())


def _receive(seconds: float) -> _Use[Collection[str | None]]:
    return _Use(lambda line: line.receive(seconds), lambda line: line.receive(seconds))


class HeardNotices(Notices):
    """Notices of writes that are heard over a line.

    Args:
        line: The line for threads.
        aline: The line for an event loop.
        policy: Limits on the attempts to open it.
        judge: Says what an exception of the driver means.
    """

    def __init__(
        self, line: Line, aline: AsyncLine, policy: Policy, judge: Callable[[Exception], Failure | None]
    ) -> None:
        self._line, self._aline = line, aline
        self._policy, self._judge = policy, judge
        self._opened_in: int | None = None  # the process

    def open(self) -> None:
        """See `Notices.open`."""
        run(self._open(), self._perform)

    async def aopen(self) -> None:
        """See `Notices.open`."""
        await arun(self._open(), self._aperform)

    def take(self, seconds: float) -> Collection[str | None]:
        """See `Notices.take`."""
        return run(self._take(seconds), self._perform)

    async def atake(self, seconds: float) -> Collection[str | None]:
        """See `Notices.take`."""
        return await arun(self._take(seconds), self._aperform)

    def close(self) -> None:
        """See `Notices.close`."""
        self._line.close()

    async def aclose(self) -> None:
        """See `Notices.close`."""
        await self._aline.close()

    def _open(self) -> Steps[None]:
        def attempt() -> Steps[None]:
            try:
                yield from _CONNECT
            except Exception:
                yield from _CLOSE
                raise

        yield from retrying("SUBSCRIBE", attempt, Attempts(self._policy), self._judge)
        self._opened_in = os.getpid()

    def _take(self, seconds: float) -> Steps[Collection[str | None]]:
        if self._opened_in != os.getpid():
            if self._opened_in is not None:
                yield from _CLOSE  # after a fork, the connection is the parent's
            yield from self._open()
            return ANY
        try:
            return (yield from _receive(seconds))
        except Exception as error:
            failure = self._judge(error)
            if failure is None:
                raise
            LOGGER.debug("a watch lost its connection, and opens another one: %s", failure.error)
            self._opened_in = None
            yield from _CLOSE
            return ()

    def _perform(self, step: _Use[T]) -> T:
        return step.perform(self._line)

    async def _aperform(self, step: _Use[T]) -> T:
        return await step.aperform(self._aline)


class Pulse:
    """Tells whether the other end of a connection is still there, by asking it when nothing was heard for long.

    Args:
        wait: Seconds that it may take to answer.
    """

    QUIET = 5.0
    """Seconds without a sign of life after which it is asked for one."""

    def __init__(self, wait: float) -> None:
        self._wait = wait
        self._heard_at = time.monotonic()
        self._asked_at: float | None = None

    def hear(self) -> None:
        """Note a sign of life."""
        self._heard_at, self._asked_at = time.monotonic(), None

    def asks(self) -> bool:
        """Return whether to ask for one now."""
        now = time.monotonic()
        if self._asked_at is not None or now - self._heard_at < self.QUIET:
            return False
        self._asked_at = now
        return True

    @property
    def is_gone(self) -> bool:
        """True if it did not answer."""
        return self._asked_at is not None and time.monotonic() - self._asked_at > self._wait
