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
    holder, pause, deadline = operation_id(), FIRST_PAUSE, time.monotonic() + (wait or 0)
    while True:
        try:
            has_it = yield from Lease(session_id, name, holder, seconds)
        except StoreError as error:  # such as a user of Redis without rights to its key
            LOGGER.debug("session %r: no lease, and none is needed: %s", session_id, error)
            has_it = False
            break
        if has_it:
            break
        if wait is None:
            return None
        if (left := deadline - time.monotonic()) <= 0:
            break
        yield from Pause(min(pause, left))
        pause = min(2 * pause, LONGEST_PAUSE)
    try:
        result = yield from work()
    except GeneratorExit:  # nobody performs steps any more
        raise
    except BaseException:
        yield from _give_back(session_id, name, holder, has_it=has_it)
        raise
    yield from _give_back(session_id, name, holder, has_it=has_it)
    return result


def _give_back(session_id: str, name: str, holder: str, *, has_it: bool) -> Steps[None]:
    if has_it:
        with suppress(StoreError):  # it ends by itself
            yield from Lease(session_id, name, holder, 0)
