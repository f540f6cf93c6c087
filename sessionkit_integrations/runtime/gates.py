"""Gates: a bound on the operations that use a resource at once, which those beyond it wait for.

A pool of connections that is exhausted fails at once, and a server that is sent a thousand connections refuses most of
them. Behind a gate as wide as the pool, a burst of any size is served in turn, each operation waiting no longer than
its own deadline. Whoever waited in vain has sent nothing, so that the error can say so.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque


class CrowdedError(Exception):
    """A gate let nobody else in until the deadline."""


class Gate:
    """A gate for threads.

    Args:
        width: Most operations at once.
    """

    def __init__(self, width: int) -> None:
        self._free = threading.Semaphore(width)

    def enter(self, deadline: float) -> None:
        """Wait for a place, until a moment of `time.monotonic`.

        Raises:
            CrowdedError: The moment came first.
        """
        if not self._free.acquire(timeout=max(deadline - time.monotonic(), 0)):
            raise CrowdedError

    def leave(self) -> None:
        """Give the place back."""
        self._free.release()


class AsyncGate:
    """A gate for the tasks of an event loop, in the order in which they come.

    Unlike `asyncio.Semaphore`, it loses no place on Python 3.10 when a task that waits is cancelled.

    Args:
        width: Most operations at once.
    """

    def __init__(self, width: int) -> None:
        self._free = width
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def enter(self, deadline: float) -> None:
        """See `Gate.enter`."""
        if self._free > 0:
            self._free -= 1
            return
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await asyncio.wait([place], timeout=max(deadline - time.monotonic(), 0))
        except asyncio.CancelledError:
            self._give_up(place)
            raise
        if not place.done():
            self._give_up(place)
            raise CrowdedError

    def leave(self) -> None:
        """See `Gate.leave`."""
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done() and not place.get_loop().is_closed():
                place.set_result(None)
                return
        self._free += 1

    def _give_up(self, place: asyncio.Future[None]) -> None:
        if place.done():  # it was given just now
            self.leave()
        else:
            place.cancel()
            self._waiting.remove(place)
