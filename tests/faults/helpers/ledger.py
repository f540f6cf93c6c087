"""Writers that keep account of what was acknowledged and what raised, and what must then be in the sessions."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sessionkit_integrations import SessionManager, StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FURTHEST_AHEAD = 4


@dataclass(frozen=True)
class Entry:
    """An append: its text, when it began and ended, and what it raised, if it was not acknowledged."""

    text: str
    began: float
    ended: float
    error: StoreUnavailableError | None


@dataclass
class Ledger:
    """One writer's account of its appends to one session.

    Attributes:
        sessions: Where it writes.
        session_id: The session.
        name: What its messages begin with.
        clients: Asynchronous clients to close with it, as it was given one.
        entries: Its appends, in their order.
    """

    sessions: SessionManager
    session_id: str
    name: str
    clients: Sequence[Any] = ()
    entries: list[Entry] = field(default_factory=list)

    @property
    def raised(self) -> list[StoreUnavailableError]:
        """The errors that appends raised."""
        return [entry.error for entry in self.entries if entry.error is not None]

    @property
    def longest(self) -> float:
        """Seconds that the longest append took."""
        return max(entry.ended - entry.began for entry in self.entries)

    def write(self) -> None:
        """Append one message."""
        text, began = f"{self.name}-{len(self.entries):06}", time.monotonic()
        try:
            self.sessions.add_user_message(self.session_id, text)
        except StoreUnavailableError as error:
            self.entries.append(Entry(text, began, time.monotonic(), error))
        else:
            self.entries.append(Entry(text, began, time.monotonic(), None))

    async def awrite(self) -> None:
        """See `write`."""
        text, began = f"{self.name}-{len(self.entries):06}", time.monotonic()
        try:
            await self.sessions.aadd_user_message(self.session_id, text)
        except StoreUnavailableError as error:
            self.entries.append(Entry(text, began, time.monotonic(), error))
        else:
            self.entries.append(Entry(text, began, time.monotonic(), None))

    async def aclose(self) -> None:
        """Close what belongs to the event loop."""
        await self.sessions.aclose()
        for client in self.clients:
            await client.aclose()

    def check(self, stored: Sequence[str], losable: Sequence[Entry] = ()) -> None:
        """Check that all is there that must be, once and in order.

        Args:
            stored: The texts in the session.
            losable: The appends that need not be there although they were acknowledged.
        """
        mine = [text for text in stored if text.startswith(f"{self.name}-")]
        twice = {text for text in mine if mine.count(text) > 1} if len(set(mine)) < len(mine) else set()
        assert not twice, f"stored twice: {twice}"
        assert mine == sorted(mine), "not in the order in which they were appended"
        acknowledged = {entry.text for entry in self.entries if entry.error is None}
        lost = acknowledged - {entry.text for entry in losable} - set(mine)
        assert not lost, f"acknowledged, but not there: {lost}"
        not_done = {entry.text for entry in self.entries if entry.error and not entry.error.may_have_happened}
        assert not not_done & set(mine), "there, but the error said that it cannot be"


def write_while(ledgers: Sequence[Ledger], aledgers: Sequence[Ledger], happens: Callable[[], None]) -> None:
    """Write with a thread for each of ``ledgers`` and a task for each of ``aledgers`` while something happens.

    Writing begins before and goes on a little after it. What a writer raises but `StoreUnavailableError` is raised.
    """
    over = threading.Event()
    everybody = [*ledgers, *aledgers]

    async def awrite_all() -> None:
        try:
            await asyncio.gather(*(_awrite_until(over, ledger, everybody) for ledger in aledgers))
        finally:
            await asyncio.to_thread(wait, threads)  # they may use what is closed now
            for ledger in aledgers:
                await ledger.aclose()

    with ThreadPoolExecutor(len(ledgers) + 1) as pool:
        threads = [pool.submit(_write_until, over, ledger, everybody) for ledger in ledgers]
        writers = [*threads, pool.submit(asyncio.run, awrite_all())]
        try:
            time.sleep(0.2)
            happens()
            time.sleep(0.2)
        finally:
            over.set()
    gc.collect()  # what is left unclosed is warned of here, not in another test
    for writer in writers:
        writer.result()


def _write_until(over: threading.Event, ledger: Ledger, everybody: Sequence[Ledger]) -> None:
    while not over.is_set():
        if _is_ahead(ledger, everybody):
            time.sleep(0.001)
        else:
            ledger.write()


async def _awrite_until(over: threading.Event, ledger: Ledger, everybody: Sequence[Ledger]) -> None:
    while not over.is_set():
        if _is_ahead(ledger, everybody):
            await asyncio.sleep(0.001)
        else:
            await ledger.awrite()


def _is_ahead(ledger: Ledger, everybody: Sequence[Ledger]) -> bool:
    # A session remembers its last 32 operations: while one is tried again, no more may pass it.
    others = (other for other in everybody if other.session_id == ledger.session_id)
    return len(ledger.entries) >= min(len(other.entries) for other in others) + FURTHEST_AHEAD


def all_texts(sessions: SessionManager, session_id: str) -> list[str]:
    """Return the texts of a session, archived and active, oldest first."""
    messages = [*sessions.get_archive(session_id), *sessions.get_session(session_id)]
    return [str(message["content"]) for message in messages]
