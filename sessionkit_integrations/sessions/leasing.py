"""Work on a session that one at a time should do."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from sessionkit_integrations.errors import StoreError
from sessionkit_integrations.runtime.logs import LOGGER
from sessionkit_integrations.runtime.steps import Pause
from sessionkit_integrations.sessions.steps import Lease
from sessionkit_integrations.stores.operation_ids import operation_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessionkit_integrations.runtime.steps import Steps

T = TypeVar("T")

FIRST_PAUSE, LONGEST_PAUSE = 0.01, 0.25
"""Seconds between two looks at a lease that somebody else has."""


def take_lease(session_id: str, name: str, holder: str, seconds: float, wait: float) -> Steps[float | None]:
    """Take a lease as soon as it is free.

    Args:
        session_id: The session.
        name: The name of the lease; see `Store.lease`.
        holder: The id of who takes it.
        seconds: Time after which it ends by itself.
        wait: Seconds to wait for somebody else who has it.

    Returns:
        Moment of `time.monotonic` before which it does not begin; ``None`` if it did not become free.
    """
    asked, pause = time.monotonic(), FIRST_PAUSE
    deadline = asked + wait
    while not (yield from Lease(session_id, name, holder, seconds)):
        if (left := deadline - time.monotonic()) <= 0:
            return None
        yield from Pause(min(pause, left))
        asked, pause = time.monotonic(), min(2 * pause, LONGEST_PAUSE)
    return asked


def leased(
    session_id: str, name: str, seconds: float, wait: float | None, work: Callable[[], Steps[T]]
) -> Steps[T | None]:
    """Do work that is better done by one at a time, though it is correct by several.

    Args:
        session_id: The session.
        name: The name of the lease; see `Store.lease`.
        seconds: Time after which others stop waiting for one that died.
        wait: Seconds to wait for another one, after which the work is done all the same; ``None`` to leave it to them.
        work: The work.

    Returns:
        What the work returns; ``None`` if it was left to another one.
    """
    holder, failed = operation_id(), False
    try:
        has_it = (yield from take_lease(session_id, name, holder, seconds, wait or 0)) is not None
    except StoreError as error:  # such as a user of Redis without rights to its key
        LOGGER.debug("session %r: no lease, and none is needed: %s", session_id, error)
        has_it, failed = False, True
    if wait is None and not (has_it or failed):
        return None
    try:
        result = yield from work()
    except GeneratorExit:  # nobody performs steps any more
        raise
    except BaseException:
        if has_it:
            yield from give_back(session_id, name, holder)
        raise
    if has_it:
        yield from give_back(session_id, name, holder)
    return result


def give_back(session_id: str, name: str, holder: str) -> Steps[None]:
    """Give a lease back, or leave it to end by itself if the store fails."""
    with suppress(StoreError):
        yield from Lease(session_id, name, holder, 0)
