"""Turns that are held: one caller has a session for itself, and its writes are refused once that is over.

A turn is a lease with a fence. The lease makes others wait. But a lease alone does not keep a session to one writer: a
holder may be frozen, as by a pause of its machine, until the lease has ended and another one has the session, and then
go on. So each write inside a turn names its holder, and the store compares that with the lease in the same step in
which it writes: in the script of Redis, in the transaction of SQLite, under the lock of a store in memory. A write of a
holder that lost its turn changes nothing, whatever the clocks say.

A write belongs to the turn of its context (`contextvars`): the context of the task or thread with the ``with`` block,
and of the tasks and threads that copy it, as `asyncio.create_task` and `asyncio.to_thread` do. Nothing is passed
through adapters and frameworks, so that whatever they write is fenced as well. Where no turn is held, this costs one
look at the context.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from sessionkit_integrations.errors import SessionBusyError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessionkit_integrations.stores.base import Store

LEASE = "turn"
"""The name of a turn's lease."""


class HeldTurn:
    """A session that is held.

    Args:
        store: Its store.
        session_id: The session.
        holder: The id of who holds it, as the lease has it.

    Attributes:
        ends: Moment of `time.monotonic` at which it ends by itself, no later than the lease.
        released: Whether it was given back. Tasks that outlive its block then write as those that hold nothing.
    """

    def __init__(self, store: Store, session_id: str, holder: str, ends: float) -> None:
        self._store = store
        self.session_id = session_id
        self.holder = holder
        self.ends = ends
        self.released = False

    def is_of(self, store: Store, session_id: str) -> bool:
        """Return whether it holds a session of a store."""
        return self.session_id == session_id and self._store is store.origin and not self.released


_HELD: ContextVar[tuple[HeldTurn, ...]] = ContextVar("sessionkit_turns", default=())


def held_turn(store: Store, session_id: str) -> HeldTurn | None:
    """Return the turn of a session that the present context is in, if any."""
    for held in _HELD.get():
        if held.is_of(store, session_id):
            return held
    return None


def holder_of(store: Store, session_id: str) -> str | None:
    """Return who writes to a session, if the present context is in a turn of it."""
    held = held_turn(store, session_id)
    return None if held is None else held.holder


def check_turn(store: Store, session_id: str) -> None:
    """Refuse a write in a turn that is over.

    Raises:
        SessionBusyError: It is.
    """
    held = held_turn(store, session_id)
    if held is not None and time.monotonic() >= held.ends:
        raise turn_lost(session_id)


def turn_lost(session_id: str) -> SessionBusyError:
    """Return the error of a write in a turn that is over."""
    return SessionBusyError(
        session_id, "may be in another turn: this one is over, as it lasted longer than its ttl; nothing was written"
    )


def enter(held: HeldTurn) -> None:
    """Hold a turn in the present context."""
    _HELD.set((*_HELD.get(), held))


def leave(held: HeldTurn) -> None:
    """Hold a turn no longer, in any context."""
    held.released = True
    _HELD.set(tuple(each for each in _HELD.get() if each is not held))


@contextmanager
def inside(held: HeldTurn) -> Iterator[None]:
    """Hold a turn in the present context for the time of a block, after which it goes on elsewhere."""
    before = _HELD.get()
    _HELD.set((*before, held))
    try:
        yield
    finally:
        _HELD.set(before)


def leave_all() -> None:
    """Hold no turn in the present context: it does work that outlives them."""
    _HELD.set(())
