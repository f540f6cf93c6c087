"""Gates: a bound on the operations that use a resource at once, which those beyond it wait for.

A pool of connections that is exhausted fails at once, and a server that is sent a thousand connections refuses most of
them. Behind a gate as wide as the pool, a burst of any size is served in turn, each operation waiting no longer than
its own deadline. Whoever waited in vain has sent nothing, so that the error can say so.

Who leaves hands the place to the one that has waited longest, and wakes nobody else. So waiting costs the same however
many wait, and nobody who comes later gets in first.
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
        self._lock = threading.Lock()
        self._free = width
        self._waiting: deque[threading.Lock] = deque()

    def enter(self, deadline: float) -> None:
        """Wait for a place, until a moment of `time.monotonic`.

        Raises:
            CrowdedError: The moment came first.
        """
        with self._lock:
            if self._free > 0:
                self._free -= 1
                return
            turn = threading.Lock()
            turn.acquire()
            self._waiting.append(turn)
        try:
            has_place = turn.acquire(timeout=max(deadline - time.monotonic(), 0))
        except BaseException:  # Ctrl-C
            if not self._give_up(turn):
                self.leave()
            raise
        if not has_place and self._give_up(turn):
            raise CrowdedError

    def leave(self) -> None:
        """Give the place back."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._free += 1

    def _give_up(self, turn: threading.Lock) -> bool:
        """Wait no more; return whether no place was given in the meantime."""
        with self._lock:
            if turn not in self._waiting:
                return False
            self._waiting.remove(turn)
            return True


class AsyncGate:
    """A gate for the tasks of an event loop.

    Unlike `asyncio.Semaphore`, it loses no place on Python 3.10 when a task that waits is cancelled.

    Args:
        width: Most operations at once.
    """

    def __init__(self, width: int) -> None:
        self._width = self._free = width
        self._waiting: deque[asyncio.Future[bool]] = deque()

    @property
    def is_empty(self) -> bool:
        """Return whether nobody is inside."""
        return self._free == self._width

    async def enter(self, deadline: float) -> None:
        """See `Gate.enter`."""
        if self._free > 0:
            self._free -= 1
            return
        loop = asyncio.get_running_loop()
        has_place = loop.create_future()
        self._waiting.append(has_place)
        timer = loop.call_later(max(deadline - time.monotonic(), 0), _expire, has_place)
        try:
            if not await has_place:
                raise CrowdedError
        except asyncio.CancelledError:
            if not has_place.cancelled() and has_place.result():  # it was given just now
                self.leave()
            raise
        finally:
            timer.cancel()

    def leave(self) -> None:
        """See `Gate.leave`."""
        while self._waiting:
            has_place = self._waiting.popleft()
            # Those who waited in vain are still here.
            if not has_place.done() and not has_place.get_loop().is_closed():
                has_place.set_result(True)
                return
        self._free += 1


def _expire(has_place: asyncio.Future[bool]) -> None:
    if not has_place.done():
        has_place.set_result(False)
