"""A time limit on all that one operation waits for, however many waits those are."""

from __future__ import annotations

import asyncio
import math
import sys
import time
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

T = TypeVar("T")

_deadline: ContextVar[float] = ContextVar("sessionkit_deadline", default=math.inf)


@contextmanager
def until(deadline: float) -> Iterator[None]:
    """Limit the waits of what runs within, in this thread, to a moment of `time.monotonic`."""
    token = _deadline.set(deadline)
    try:
        yield
    finally:
        _deadline.reset(token)


def left(limit: float | None) -> float | None:
    """Return how many seconds a wait of at most ``limit`` may take; ``None`` is for ever.

    Raises:
        TimeoutError: None at all.
    """
    remaining = _deadline.get() - time.monotonic()
    if remaining <= 0:
        raise TimeoutError("the time limit of the operation has passed")
    if remaining == math.inf:
        return limit
    return remaining if limit is None else min(limit, remaining)


async def within(deadline: float, attempt: Callable[[], Awaitable[T]]) -> T:
    """Await an attempt, and cancel it at a moment of `time.monotonic`.

    Raises:
        asyncio.TimeoutError: The moment came first.
    """
    seconds = max(deadline - time.monotonic(), 0)
    if sys.version_info >= (3, 11):
        async with asyncio.timeout(seconds):
            return await attempt()
    return await asyncio.wait_for(attempt(), seconds)
