"""One caller at a time: a session that is held for the length of a block."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sessionkit_integrations.errors import SessionBusyError
from sessionkit_integrations.records.messages import check_session_id
from sessionkit_integrations.runtime.logs import LOGGER
from sessionkit_integrations.runtime.steps import to_its_end
from sessionkit_integrations.sessions.leasing import give_back, take_lease
from sessionkit_integrations.sessions.steps import Lease, arun_on, run_on
from sessionkit_integrations.stores.operation_ids import operation_id
from sessionkit_integrations.stores.options import LONGEST_TIMEOUT, check_seconds
from sessionkit_integrations.stores.turns import LEASE, HeldTurn, enter, held_turn, leave, turn_lost

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from sessionkit_integrations.runtime.steps import Steps
    from sessionkit_integrations.stores.base import Store


class Turn:
    """A turn of a session, which one caller has at a time; a context manager, of both kinds.

    See `SessionManager.turn`, which makes it.

    Attributes:
        session_id: The session.

    Examples:
        >>> with sessions.turn("user123", wait=5) as turn:
        ...     sessions.add_user_message("user123", "Hello again!")
        ...     turn.renew()  # before a long answer
    """

    def __init__(self, store: Store, session_id: str, wait: float, ttl: float) -> None:
        check_session_id(session_id)
        self.session_id = session_id
        self._store = store
        self._wait = _seconds("wait", wait)
        self._ttl = _seconds("ttl", ttl)
        if not self._ttl:
            raise ValueError("ttl must be above 0 seconds")
        self._entered: list[HeldTurn | None] = []

    def renew(self) -> None:
        """Have the turn for another ``ttl`` from now on.

        Raises:
            SessionBusyError: It is over.
            StoreError: The store failed; the turn ends when it would have ended.
        """
        run_on(self._store, self._renew())

    async def arenew(self) -> None:
        """See `renew`."""
        await arun_on(self._store, self._renew())

    def __enter__(self) -> Self:
        if not self._joins():
            held = self._new()
            try:
                run_on(self._store, take_turn(held, self._ttl, self._wait))
            except BaseException:  # also a keyboard's interrupt, after which nobody would give the turn back
                run_on(self._store, give_back_turn(held))
                raise
            self._begin(held)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        held = self._end()
        if held is not None:
            run_on(self._store, give_back_turn(held))

    async def __aenter__(self) -> Self:
        if not self._joins():
            held = self._new()
            try:
                await arun_on(self._store, take_turn(held, self._ttl, self._wait))
            except BaseException:  # also a cancellation, as above
                await to_its_end(arun_on(self._store, give_back_turn(held)))
                raise
            self._begin(held)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        held = self._end()
        if held is not None:
            await to_its_end(arun_on(self._store, give_back_turn(held)))

    def _joins(self) -> bool:
        """Return whether the present context is in a turn of the session already, and note that it is entered."""
        if held_turn(self._store, self.session_id) is None:
            return False
        self._entered.append(None)
        return True

    def _new(self) -> HeldTurn:
        return HeldTurn(self._store, self.session_id, operation_id(), 0)

    def _begin(self, held: HeldTurn) -> None:
        self._entered.append(held)
        enter(held)

    def _end(self) -> HeldTurn | None:
        held = self._entered.pop()
        if held is not None:
            leave(held)
            if time.monotonic() >= held.ends:
                LOGGER.warning("session %r: a turn lasted longer than its ttl of %g s", self.session_id, self._ttl)
        return held

    def _renew(self) -> Steps[None]:
        held = held_turn(self._store, self.session_id)
        if held is None:
            raise RuntimeError("renew a turn inside its block")
        return renew_turn(held, self._ttl)


def take_turn(held: HeldTurn, ttl: float, wait: float) -> Steps[None]:
    """Take a turn.

    Raises:
        SessionBusyError: Somebody else had it all the time.
    """
    asked = yield from take_lease(held.session_id, LEASE, held.holder, ttl, wait)
    if asked is None:
        waited = f", and was for {wait:g} s: try again later, or wait longer" if wait else ": try again, or wait for it"
        raise SessionBusyError(held.session_id, f"is in another turn{waited}")
    held.ends = asked + ttl


def renew_turn(held: HeldTurn, ttl: float) -> Steps[None]:
    """Have a turn for longer.

    Raises:
        SessionBusyError: It is over.
    """
    began, ends = time.monotonic(), held.ends
    has_it = began < ends and (yield from Lease(held.session_id, LEASE, held.holder, ttl))
    if not has_it or time.monotonic() >= ends:  # somebody else may have had it meanwhile
        raise turn_lost(held.session_id)
    held.ends = began + ttl


def give_back_turn(held: HeldTurn) -> Steps[None]:
    """Give a turn back; one that was lost stays with whoever has it."""
    return give_back(held.session_id, LEASE, held.holder)


def _seconds(name: str, value: float) -> float:
    check_seconds(name, value)
    if not 0 <= value <= LONGEST_TIMEOUT:
        raise ValueError(f"{name} must be a number of seconds from 0 to {LONGEST_TIMEOUT}, got {value}")
    return value
