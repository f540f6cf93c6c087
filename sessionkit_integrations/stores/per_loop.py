"""One resource for each running event loop, closed when its loop ends."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

R = TypeVar("R")


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
        # Loops that ended without a shutdown are dropped at the next opening: a resource may hold its loop alive.
        self._held: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[R, AsyncGenerator[R, None]]]
        self._held = WeakKeyDictionary()

    async def get(self) -> R:
        """Return the running loop's resource, opening it at the first call."""
        loop = asyncio.get_running_loop()
        held = self._held.get(loop)
        if held is None:
            for ended in [other for other in self._held if other.is_closed()]:
                del self._held[ended]
            resource = self._opened()
            keeper = self._keep(resource)
            self._held[loop] = held = (resource, keeper)
            await anext(keeper)
        return held[0]

    async def close(self) -> None:
        """Close the running loop's resource, if it has one; the next `get` opens another."""
        held = self._held.pop(asyncio.get_running_loop(), None)
        if held is not None:
            await held[1].aclose()

    async def _keep(self, resource: R) -> AsyncGenerator[R, None]:
        try:
            yield resource
        finally:
            self._held.pop(asyncio.get_running_loop(), None)
            await self._closed(resource)
