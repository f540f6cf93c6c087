"""Steps of operations on sessions: calls of a store, as values."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, TypeVar

from sessionkit_integrations.errors import ConflictError, CorruptSessionError, SealError
from sessionkit_integrations.records.messages import check_session_id
from sessionkit_integrations.records.summaries import latest_summary, present_summary
from sessionkit_integrations.runtime.retries import Attempts, Backoff, Policy, on_conflict, retrying
from sessionkit_integrations.runtime.steps import Step, arun, run
from sessionkit_integrations.stores.turns import check_turn
from sessionkit_integrations.stores.values import Snapshot

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.records.summaries import SessionSummary
    from sessionkit_integrations.runtime.steps import Steps
    from sessionkit_integrations.stores.base import Store
    from sessionkit_integrations.stores.branches import Branch
    from sessionkit_integrations.stores.values import Both, Edit, SessionInfo

R = TypeVar("R")
T = TypeVar("T")

EVERYTHING = slice(None)
"""All of an archive."""

NOTHING = slice(0)
"""No part of an archive."""

PAGE = 250
"""Records of an archive that are read at once."""

ERRORS_OF_ONE_SESSION = (CorruptSessionError, SealError, ConflictError)
"""Errors of a session that a walk through all of them leaves out."""

CONFLICT_POLICY = Policy(Backoff(first=0.002, longest=0.1), attempts=100)
"""Attempts at an edit, or at a read of a session with its archive, against faster writers."""


class StoreStep(Step[R], ABC):
    """A call of one of a store's methods."""

    @abstractmethod
    def perform(self, store: Store) -> R:
        """Make the call."""

    @abstractmethod
    async def aperform(self, store: Store) -> R:
        """See `perform`."""


@dataclass(frozen=True)
class Read(StoreStep[Snapshot]):
    """Reads the active records of a session."""

    session_id: str

    def perform(self, store: Store) -> Snapshot:
        """See `StoreStep.perform`."""
        return store.read(self.session_id)

    async def aperform(self, store: Store) -> Snapshot:
        """See `StoreStep.perform`."""
        return await store.aread(self.session_id)


@dataclass(frozen=True)
class ReadArchive(StoreStep[Snapshot]):
    """Reads a part of a session's archive."""

    session_id: str
    part: slice

    def perform(self, store: Store) -> Snapshot:
        """See `StoreStep.perform`."""
        return store.read(self.session_id, archived=True, start=self.part.start, stop=self.part.stop)

    async def aperform(self, store: Store) -> Snapshot:
        """See `StoreStep.perform`."""
        return await store.aread(self.session_id, archived=True, start=self.part.start, stop=self.part.stop)


@dataclass(frozen=True)
class ReadBoth(StoreStep["Both | None"]):
    """Reads the active records of a session and a part of its archive at once, where the store can."""

    session_id: str
    part: slice

    def perform(self, store: Store) -> Both | None:
        """See `StoreStep.perform`."""
        return store.read_both(self.session_id, self.part)

    async def aperform(self, store: Store) -> Both | None:
        """See `StoreStep.perform`."""
        return await store.aread_both(self.session_id, self.part)


@dataclass(frozen=True)
class Replace(StoreStep[None]):
    """Makes an edit, unless the active records have another version than expected."""

    session_id: str
    edit: Edit
    expected: str | None
    operation_id: str

    def perform(self, store: Store) -> None:
        """See `StoreStep.perform`."""
        check_turn(store, self.session_id)
        store.replace(self.session_id, self.edit, self.expected, self.operation_id)

    async def aperform(self, store: Store) -> None:
        """See `StoreStep.perform`."""
        check_turn(store, self.session_id)
        await store.areplace(self.session_id, self.edit, self.expected, self.operation_id)


@dataclass(frozen=True)
class Fork(StoreStep[None]):
    """Begins a session with records of another one."""

    session_id: str
    new_session_id: str
    branch: Branch
    operation_id: str

    def perform(self, store: Store) -> None:
        """See `StoreStep.perform`."""
        check_turn(store, self.new_session_id)
        store.fork(self.session_id, self.new_session_id, self.branch, self.operation_id)

    async def aperform(self, store: Store) -> None:
        """See `StoreStep.perform`."""
        check_turn(store, self.new_session_id)
        await store.afork(self.session_id, self.new_session_id, self.branch, self.operation_id)


@dataclass(frozen=True)
class Describe(StoreStep["SessionInfo | None"]):
    """Asks for figures of a session."""

    session_id: str

    def perform(self, store: Store) -> SessionInfo | None:
        """See `StoreStep.perform`."""
        return store.describe(self.session_id)

    async def aperform(self, store: Store) -> SessionInfo | None:
        """See `StoreStep.perform`."""
        return await store.adescribe(self.session_id)


@dataclass(frozen=True)
class Lease(StoreStep[bool]):
    """Takes a lease of a session; with no seconds, gives it back."""

    session_id: str
    name: str
    holder: str
    seconds: float

    def perform(self, store: Store) -> bool:
        """See `StoreStep.perform`."""
        return store.lease(self.session_id, self.name, self.holder, self.seconds)

    async def aperform(self, store: Store) -> bool:
        """See `StoreStep.perform`."""
        return await store.alease(self.session_id, self.name, self.holder, self.seconds)


def check_write(store: Store, session_id: str) -> None:
    """Refuse a write to what is no session, or in a turn that is over.

    Raises:
        InvalidSessionIdError: The id is not a non-empty string of at most 512 bytes.
        SessionBusyError: The present context is in a turn of the session that is over.
    """
    check_session_id(session_id)
    check_turn(store, session_id)


class NextSession(StoreStep["str | None"]):
    """Gives the id of another session each time that it is performed, and ``None`` after the last one."""

    def __init__(self) -> None:
        self._ids: Iterator[str] | None = None
        self._ids_async: AsyncIterator[str] | None = None

    def perform(self, store: Store) -> str | None:
        """See `StoreStep.perform`."""
        if self._ids is None:
            self._ids = iter(store.sessions())
        return next(self._ids, None)

    async def aperform(self, store: Store) -> str | None:
        """See `StoreStep.perform`."""
        if self._ids_async is None:
            self._ids_async = aiter(store.asessions())
        return await anext(self._ids_async, None)


@dataclass(frozen=True)
class Compute(StoreStep[T], Generic[T]):
    """Work without I/O, for which no event loop is held up."""

    work: Callable[[], T]

    def perform(self, store: Store) -> T:  # noqa: ARG002 - as of every step
        """See `StoreStep.perform`."""
        return self.work()

    async def aperform(self, store: Store) -> T:  # noqa: ARG002 - as above
        """See `StoreStep.perform`."""
        return await asyncio.to_thread(self.work)


def run_on(store: Store, steps: Steps[T]) -> T:
    """Run an operation of store steps on a store."""
    return run(steps, lambda step: step.perform(store))


async def arun_on(store: Store, steps: Steps[T]) -> T:
    """See `run_on`."""
    return await arun(steps, lambda step: step.aperform(store))


def until_no_conflict(name: str, attempt: Callable[[], Steps[T]]) -> Steps[T]:
    """Repeat an operation while others are faster.

    Args:
        name: The operation, as the log calls it.
        attempt: Begins an attempt.

    Raises:
        ConflictError: Others were faster, time after time.
    """
    return retrying(name, attempt, Attempts(CONFLICT_POLICY), on_conflict)


def describe(session_id: str) -> Steps[SessionInfo | None]:
    """Return the figures of a session, with its summary if that can be read; ``None`` if there is no such session."""
    check_session_id(session_id)
    info = yield from Describe(session_id)
    if info is None or not info.summarized:
        return info
    return replace(info, summary=latest_summary((yield from Read(session_id)).records))


def read_summary(session_id: str) -> Steps[SessionSummary | None]:
    """Return the summary of a session, or ``None`` if it has none.

    Raises:
        SealError, CorruptSessionError: It cannot be opened.
    """
    check_session_id(session_id)
    return present_summary(session_id, (yield from Read(session_id)).records)


def read_stored(session_id: str, part: slice | None) -> Steps[tuple[Snapshot, tuple[Record, ...], int]]:
    """Return the active records of a session, those in a part of its archive, and where that part begins.

    Raises:
        ConflictError: The session was written to between the two.
    """
    both = None if part is None else (yield from ReadBoth(session_id, part))
    if part is not None and both is not None:
        return both.active, both.archived, _start_of(part, both.size)
    active = yield from Read(session_id)
    if part is None:
        return active, (), 0
    archived = (yield from ReadArchive(session_id, part)).records
    start = part.start or 0
    if start < 0 and len(archived) < (part.stop or 0) - start:  # there are no more
        start = 0
    elif start < 0 or part == NOTHING:
        info = yield from Describe(session_id)
        start = _start_of(part, info.archived if info else 0)
    # A turn that left the window between the two reads would be in both.
    if archived and (yield from Read(session_id)) != active:
        raise ConflictError(f"session {session_id!r} is written to all the time; read it again later")
    return active, archived, start


def _start_of(part: slice, size: int) -> int:
    """Return where a part of an archive begins, given the number of its records; no part is one after the last."""
    return size if part == NOTHING else part.indices(size)[0]
