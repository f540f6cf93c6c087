"""When a failed operation is tried again, and what is said when it is not."""

from __future__ import annotations

import asyncio
import random
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from sessionkit_integrations.errors import StoreError, StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")

DEFAULT_TIMEOUT = 5.0
"""How long an operation may take, with all its attempts, in seconds."""

MAX_RETRIES = 4
FIRST_DELAY = 0.02
LONGEST_DELAY = 0.5


@dataclass(frozen=True)
class Failure:
    """A failed attempt.

    Attributes:
        error: What to raise, if there is no other attempt.
        passing: Whether it ends by itself, as a failover does, so that it is worth trying for as long as there is time.
        pause: How many seconds the server wants to be left alone.
    """

    error: StoreError
    passing: bool = False
    pause: float = 0.0


class Attempts:
    """The attempts at one operation.

    Writes carry ids by which a store knows a retry, so that any of them may be sent again after a lost reply. They are,
    up to `MAX_RETRIES` times with a growing, random delay, or for as long as there is time if the failure is a passing
    one.

    Args:
        timeout: How many seconds all of them may take.
        wait: How long one of them waits for a server, at most: none begins when less than that is left.
    """

    def __init__(self, timeout: float, wait: float) -> None:
        self.deadline = time.monotonic() + timeout
        self._last_start = self.deadline - wait
        self._failures = 0
        self._may_have_happened = False

    def delay_after(self, failure: Failure, cause: Exception) -> float:
        """Return how many seconds to wait before the next attempt.

        Args:
            failure: The last attempt.
            cause: The driver's exception.

        Raises:
            StoreError: The operation is not to be tried again.
        """
        error = failure.error
        if not isinstance(error, StoreUnavailableError):
            if self._may_have_happened:
                message = f"{error}; an attempt before had no reply"
                raise StoreUnavailableError(message, may_have_happened=True) from cause
            raise error from cause
        self._may_have_happened |= error.may_have_happened
        delay: float = min(LONGEST_DELAY, FIRST_DELAY * 2**self._failures) * random.uniform(0.5, 1)  # noqa: S311 - no secret
        delay = max(delay, failure.pause)
        self._failures += 1
        too_often = self._failures > MAX_RETRIES and not failure.passing
        if too_often or time.monotonic() + delay >= self._last_start:
            error.may_have_happened = self._may_have_happened
            raise error from cause
        return delay


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
