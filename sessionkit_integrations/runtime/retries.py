"""Retries: one loop, and policies that say how often and how long it goes on.

An operation that failed may have taken effect, as only its reply may have been lost. Trying it again is safe because
each write carries an operation id that the store remembers with the session: the store answers a repeated id with
success and changes nothing. So the loop here never asks whether an attempt had an effect. It only keeps account of
whether one may have had, for the error that it raises in the end. An edit that found another version than it expected
is repeated in the same loop: it is read, decided and written again, under a new id, as nothing was written.

To give retries to an operation, state a `Policy`, say which errors are worth another attempt, and leave the loop to
`retrying`, which `run` and `arun` of `steps` perform::

    EDITS = Policy(Backoff(first=0.001, longest=0.1), attempts=100)

    def edit(session_id: str) -> Steps[None]:
        def attempt() -> Steps[None]:
            snapshot = yield from Read(session_id)
            yield from Replace(session_id, changed(snapshot), snapshot.version)

        yield from retrying(f"edit of {session_id!r}", attempt, Attempts(EDITS), on_conflict)
"""

from __future__ import annotations

import asyncio
import math
import random
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from sessionkit_integrations.errors import ConflictError, StoreError, StoreUnavailableError
from sessionkit_integrations.runtime.logs import LOGGER
from sessionkit_integrations.runtime.steps import Pause

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator

    from sessionkit_integrations.runtime.steps import Steps

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

DEFAULT_TIMEOUT = 5.0
"""Seconds that an operation may take by default, with all its attempts."""

SLOW = 1.0
"""Seconds of failures after which an operation that succeeds is logged as a warning."""

_MAX_EXPONENT = 1000
"""Failures after which pauses grow no further; a float holds no larger power of two."""


@dataclass(frozen=True)
class Backoff:
    """Random pauses that grow with each failure, so that those who failed together do not come back together.

    Attributes:
        first: Upper bound of the first pause, in seconds.
        longest: Upper bound of every pause, in seconds.
        least: Share of its upper bound that a pause lasts at least, from 0 to 1.
        factor: Growth from one upper bound to the next; less than 1 makes pauses shorter.
    """

    first: float
    longest: float
    least: float = 0.0
    factor: float = 2.0

    def pause(self, failures: int) -> float:
        """Return the seconds to wait after a number of failures, at least one."""
        longest = min(self.longest, self.first * self.factor ** min(failures - 1, _MAX_EXPONENT))
        return longest * random.uniform(self.least, 1)  # noqa: S311 - no secret


@dataclass(frozen=True)
class Policy:
    """Limits on the attempts at one operation.

    Attributes:
        backoff: The pauses between them.
        attempts: Most attempts, the first included; `None` for as many as there is time for.
        timeout: Seconds that all attempts may take together; `None` for no limit.
        reserve: Seconds that an attempt needs: none begins when less is left of the timeout.
        waits_until: What attempts only look for, many times a second. Then the log says once that the operation waits,
            instead of each attempt.
    """

    backoff: Backoff
    attempts: int | None = None
    timeout: float | None = None
    reserve: float = 0.0
    waits_until: str | None = None


@dataclass(frozen=True)
class Failure:
    """A failed attempt.

    Attributes:
        error: The error to raise if there is no other attempt.
        final: Whether another attempt would fail in the same way.
        transient: Whether the cause ends by itself, as a failover does; then attempts go on for as long as there is
            time, and this one does not count as one of them.
        pause: Seconds that the server asks to be left alone.
        cause: The exception that ``error`` is raised from, if it is another one than the attempt ended in.
    """

    error: StoreError
    final: bool = False
    transient: bool = False
    pause: float = 0.0
    cause: Exception | None = None


class Attempts:
    """The account of one operation's attempts.

    Args:
        policy: Their limits. The time begins to run now.

    Attributes:
        deadline: Moment of `time.monotonic` at which the timeout is over. An operation may move it, as long as others
            that it waits for make progress.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self.deadline = math.inf if policy.timeout is None else time.monotonic() + policy.timeout
        self._failures = 0
        self._lasting_failures = 0
        self._first_failure = 0.0
        self._may_have_happened = False

    @property
    def is_first(self) -> bool:
        """Return whether no attempt has failed."""
        return not self._failures

    def pause_after(self, failure: Failure, cause: Exception) -> float:
        """Return the seconds to wait before the next attempt.

        Args:
            failure: The last attempt.
            cause: The exception that it ended in.

        Raises:
            StoreError: There is no other attempt. If an earlier one may have had an effect, the error says so.
        """
        error = failure.error
        now = time.monotonic()
        self._first_failure = self._first_failure or now
        self._failures += 1
        self._lasting_failures += not failure.transient
        if isinstance(error, StoreUnavailableError):
            self._may_have_happened |= error.may_have_happened
            error.may_have_happened = self._may_have_happened
        elif self._may_have_happened:
            message = f"{error}; an earlier attempt had no reply"
            error = StoreUnavailableError(message, may_have_happened=True)
        pause = max(self._policy.backoff.pause(self._failures), failure.pause)
        most = math.inf if self._policy.attempts is None else self._policy.attempts
        if failure.final or self._lasting_failures >= most or now + pause >= self.deadline - self._policy.reserve:
            if error is cause:
                raise error
            raise error from failure.cause or cause
        return pause

    def log_failure(self, name: str, failure: Failure, pause: float) -> None:
        """Log that an attempt failed and another one follows."""
        if self._policy.waits_until is not None:
            if self._failures == 1:
                LOGGER.debug("%s: waits until %s", name, self._policy.waits_until)
            return
        LOGGER.debug("%s: attempt %d failed, next in %.3f s: %s", name, self._failures, pause, failure.error)

    def log_success(self, name: str) -> None:
        """Log that an operation took long, if it failed for long before it succeeded."""
        if self._failures and (took := time.monotonic() - self._first_failure) > SLOW:
            LOGGER.warning("%s: succeeded after %d failed attempts in %.1f s", name, self._failures, took)


class _Yields(Protocol[T_co]):
    """A step, or a generator of steps."""

    def __iter__(self) -> Generator[Any, Any, T_co]: ...


def retrying(
    name: str, attempt: Callable[[], _Yields[T]], attempts: Attempts, judge: Callable[[Exception], Failure | None]
) -> Steps[T]:
    """Make attempts at an operation until one succeeds.

    Args:
        name: What the log calls the operation.
        attempt: Begins an attempt: returns its step, or its generator of steps.
        attempts: The account, which says when to stop.
        judge: Says what an exception means; `None` if it is not for this loop, and is raised as it is.

    Raises:
        StoreError: The last attempt failed.
    """
    while True:
        try:
            result = yield from attempt()
        except Exception as error:
            failure = judge(error)
            if failure is None:
                raise
            pause = attempts.pause_after(failure, error)
            attempts.log_failure(name, failure, pause)
        else:
            attempts.log_success(name)
            return result
        yield Pause(pause)


def on_conflict(error: Exception) -> Failure | None:
    """Judge the errors of an edit: a conflict is worth another attempt, which reads the session again."""
    return Failure(error) if isinstance(error, ConflictError) else None


async def within(deadline: float, attempt: Callable[[], Awaitable[T]]) -> T:
    """Await an attempt, and cancel it at a moment of `time.monotonic`.

    Raises:
        asyncio.TimeoutError: The moment came first.
    """
    seconds = max(deadline - time.monotonic(), 0)
    if sys.version_info >= (3, 11):
        async with asyncio.timeout(seconds) as timeout:
            try:
                return await attempt()
            except GeneratorExit:
                _keep_until_collected(timeout)
                raise
    return await asyncio.wait_for(attempt(), seconds)


def _keep_until_collected(timeout: object) -> None:
    """Keep a timeout, and so its task, until the garbage collector runs again.

    A loop that is closed with tasks under way leaves them to the collector, which closes their coroutines. Often the
    timeout in such a coroutine has the last reference to the task. If the task goes first, it closes the coroutines
    that are being closed already, from their outermost on. CPython 3.11 ends in a segmentation fault then.
    """
    cycle: list[object] = [timeout]
    cycle.append(cycle)
