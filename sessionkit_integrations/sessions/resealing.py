"""Sessions whose records are sealed again, while others write to them.

Records are exchanged where they are, some at a time. Each exchange is refused if other records are in the place by
then; what was not done yet is read again and goes on. So others may write at any time, and nothing is lost whenever
this ends. The window comes first: a turn that leaves it meanwhile comes to the end of the archive, which is read last.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sessionkit_integrations.errors import ConflictError
from sessionkit_integrations.records.messages import check_session_id
from sessionkit_integrations.sessions.steps import (
    PAGE,
    Compute,
    NextSession,
    Read,
    ReadArchive,
    StoreStep,
    check_write,
    until_no_conflict,
)
from sessionkit_integrations.stores.secrets import aask, ask
from sessionkit_integrations.stores.values import Exchange

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.records.resealing import Resealer
    from sessionkit_integrations.records.secrets import Secret, Secrets
    from sessionkit_integrations.runtime.steps import Steps
    from sessionkit_integrations.stores.base import Store

MOST_BYTES = 256 * 1024
"""Bytes of records that one write has at most, unless one record is longer."""


@dataclass
class Resealed:
    """The outcome of sealing sessions again, so far.

    Attributes:
        sessions: Sessions that are done.
        records: Records that were written.
        unopened: Sealed records of these sessions that nothing which was given opens; they were left as they are.
        last: The last session that is done, from which another call can go on.

    Examples:
        >>> sealed = SessionManager(store=store, seal=Encrypt(key))
        >>> done = sealed.reseal()  # what was stored before it had a seal
        >>> done.sessions, done.records
        (1, 2)
    """

    sessions: int = 0
    records: int = 0
    unopened: int = 0
    last: str = ""


@dataclass(frozen=True)
class _ExchangeRecords(StoreStep[bool]):
    """Exchanges records of a session, and returns whether they were there."""

    session_id: str
    exchange: Exchange

    def perform(self, store: Store) -> bool:
        """See `StoreStep.perform`."""
        check_write(store, self.session_id)
        return store.exchange(self.session_id, self.exchange)

    async def aperform(self, store: Store) -> bool:
        """See `StoreStep.perform`."""
        check_write(store, self.session_id)
        return await store.aexchange(self.session_id, self.exchange)


@dataclass(frozen=True)
class _AskSecrets(StoreStep["list[Secret | None]"]):
    """Asks for a session's secrets, of each function that returns them."""

    session_id: str
    functions: Sequence[Secrets | None]

    def perform(self, store: Store) -> list[Secret | None]:  # noqa: ARG002 - as of every step
        """See `StoreStep.perform`."""
        return [None if each is None else ask(each, self.session_id) for each in self.functions]

    async def aperform(self, store: Store) -> list[Secret | None]:  # noqa: ARG002 - as above
        """See `StoreStep.perform`."""
        return [None if each is None else await aask(each, self.session_id) for each in self.functions]


def reseal(
    resealer: Resealer, session_id: str | None, after: str, progress: Callable[[Resealed], object] | None
) -> Steps[Resealed]:
    """Seal a session again, or all of them; see `SessionManager.reseal`."""
    done = Resealed()
    if session_id is None:
        ids = yield from _ids_after(after)
    else:
        check_session_id(session_id)
        ids = [session_id]
    for each in ids:
        yield from _reseal_session(resealer, each, done)
        done.sessions, done.last = done.sessions + 1, each
        if progress is not None:
            progress(done)
    return done


def _ids_after(after: str) -> Steps[list[str]]:
    """Return the ids of the sessions that come after one, in order."""
    step, ids = NextSession(), list[str]()
    while (session_id := (yield from step)) is not None:
        if session_id > after:
            ids.append(session_id)
    return sorted(ids)


def _reseal_session(resealer: Resealer, session_id: str, done: Resealed) -> Steps[None]:
    for attempt in (_reseal_window, _reseal_archive):
        name = f"sealing of {session_id!r}"
        done.unopened += yield from until_no_conflict(name, lambda: attempt(resealer, session_id, done))  # noqa: B023


def _reseal_window(resealer: Resealer, session_id: str, done: Resealed) -> Steps[int]:
    records = (yield from Read(session_id)).records
    sealed = yield from _sealed_again(resealer, session_id, records)
    yield from _write(resealer, session_id, records, sealed, done)
    return sealed.count(None)


def _reseal_archive(resealer: Resealer, session_id: str, done: Resealed) -> Steps[int]:
    unopened = start = 0
    last: tuple[Record, ...] = ()
    while True:
        # With the last record before: a summary may have dropped some, and the rest moved.
        records = (yield from ReadArchive(session_id, slice(start - len(last), start + PAGE))).records
        if records[: len(last)] != last:
            raise ConflictError(f"the archive of session {session_id!r} was shortened meanwhile")
        page = records[len(last) :]
        if not page:
            return unopened
        sealed = yield from _sealed_again(resealer, session_id, page)
        yield from _write(resealer, session_id, page, sealed, done, start)
        unopened += sealed.count(None)
        last = (sealed[-1] or page[-1],)
        start += len(page)


def _sealed_again(resealer: Resealer, session_id: str, records: Sequence[Record]) -> Steps[list[Record | None]]:
    if not records:
        return []
    secrets = yield from _AskSecrets(session_id, [sealer.secrets for sealer in resealer.sealers])
    of_session = resealer.of(session_id, secrets)
    return (yield from Compute(lambda: [of_session.reseal(record) for record in records]))


def _write(
    resealer: Resealer,
    session_id: str,
    records: Sequence[Record],
    sealed: Sequence[Record | None],
    done: Resealed,
    archived_from: int | None = None,
) -> Steps[None]:
    """Exchange records for those that are sealed again, as many at once as a write may have.

    Args:
        resealer: Sealed them.
        session_id: The session.
        records: The records.
        sealed: The same again, and ``None`` for those that are left as they are.
        done: Is counted up.
        archived_from: The position of the first one in the archive; ``None`` if they are active.

    Raises:
        ConflictError: Others are in their place by now.
    """
    after = [record if again is None else again for record, again in zip(records, sealed, strict=True)]
    for start, stop in _parts(after):
        before, written = tuple(records[start:stop]), tuple(after[start:stop])
        if before == written:
            continue
        is_archived = archived_from is not None
        exchange = Exchange((archived_from or 0) + start, before, written, is_archived, resealer.hides)
        if not (yield from _ExchangeRecords(session_id, exchange)):
            raise ConflictError(f"session {session_id!r} is written to all the time; seal it again later")
        done.records += sum(one != other for one, other in zip(before, written, strict=True))


def _parts(records: Sequence[Record]) -> Iterator[tuple[int, int]]:
    """Yield the bounds of parts of at most `MOST_BYTES`."""
    start = size = 0
    for position, record in enumerate(records):
        if position > start and size + len(record) > MOST_BYTES:
            yield start, position
            start, size = position, 0
        size += len(record)
    yield start, len(records)
