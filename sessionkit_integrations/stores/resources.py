"""Resources opened at their first use: one for all threads, and one for each running event loop."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING, Generic, TypeVar
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

R = TypeVar("R")


class Shared(Generic[R]):
    """A resource that all threads share.

    Args:
        opened: Opens it, without waiting.
        closed: Closes it.
    """

    def __init__(self, opened: Callable[[], R], closed: Callable[[R], object]) -> None:
        self._opened = opened
        self._closed = closed
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._held: R | None = None

    def get(self) -> R:
        """Return the resource, opening it at the first call, and anew in a process that was forked."""
        if self._process != os.getpid():
            self._forget()
        with self._lock:
            if self._held is None:
                self._held = self._opened()
            return self._held

    def close(self) -> None:
        """Close the resource, if it is open; the next `get` opens another."""
        if self._process != os.getpid():
            self._forget()
        with self._lock:
            held, self._held = self._held, None
        if held is not None:
            self._closed(held)

    def _forget(self) -> None:
        # After a fork the parent goes on to use what was open, and may have held the lock at that moment.
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._held = None


class PerLoop(Generic[R]):
    """Resources that belong to one event loop each, such as clients of asyncio drivers.

    Each is opened at its first use in a loop and closed by that loop's own shutdown (``asyncio.run`` and its
    like close the asynchronous generators that are left), so that repeated runs leak nothing.

    Args:
        opened: Opens a resource, without waiting.
        closed: Closes one.
    """

    def __init__(self, opened: Callable[[], R], closed: Callable[[R], Awaitable[object]]) -> None:
        self._opened = opened
        self._closed = closed
        self._lock = threading.Lock()
        # Loops that ended without a shutdown are dropped at the next opening: a resource may hold its loop alive.
        self._held: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[R, AsyncGenerator[R, None]]]
        self._held = WeakKeyDictionary()

    async def get(self) -> R:
        """Return the running loop's resource, opening it at the first call."""
        loop = asyncio.get_running_loop()
        with self._lock:
            held = self._held.get(loop)
            if held is not None:
                return held[0]
            for ended in [other for other in self._held if other.is_closed()]:
                self._held.pop(ended, None)
            resource = self._opened()
            keeper = self._keep(resource)
            self._held[loop] = (resource, keeper)
        await anext(keeper)
        return resource

    async def close(self) -> None:
        """Close the running loop's resource, if it has one; the next `get` opens another."""
        with self._lock:
            held = self._held.pop(asyncio.get_running_loop(), None)
        if held is not None:
            await held[1].aclose()

    async def _keep(self, resource: R) -> AsyncGenerator[R, None]:
        try:
            yield resource
        finally:
            with self._lock:
                self._held.pop(asyncio.get_running_loop(), None)
            await self._closed(resource)
