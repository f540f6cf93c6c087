"""Two who would summarise one session at the same time: one does, and the other waits for it or leaves it alone."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import InMemoryStore, SessionManager, Store, StoreError, Summary, SummaryError
from sessionkit_integrations.sessions.summaries import LEASE
from tests.sessions.scripted import Scripted, said, turn

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.backends import StoreMaker

SOON = 10


def by_hand(store: Store) -> tuple[SessionManager, Scripted]:
    scripted = Scripted()
    return SessionManager(1, store, summary=Summary(scripted, every=None)), scripted


def filled(store: Store) -> None:
    sessions, _ = by_hand(store)
    sessions.send_messages("s", [*turn(0), *turn(1), *turn(2)])


@pytest.mark.pairwise
def test_summarize_waits_for_who_is_at_it(make_store: StoreMaker, call: Callable[..., Any]) -> None:
    store = make_store()
    filled(store)
    asked, answer, first = threading.Event(), threading.Event(), Scripted()

    def slow(previous: str | None, messages: list[Any]) -> str:
        asked.set()
        assert answer.wait(SOON)
        return first(previous, messages)

    one = SessionManager(1, store, summary=Summary(slow, every=None))
    two, second = by_hand(store)
    with ThreadPoolExecutor(1) as thread:
        summarizing = thread.submit(one.summarize, "s")
        assert asked.wait(SOON)
        threading.Timer(0.1, answer.set).start()
        found = call(two, "summarize", "s")
        assert found == summarizing.result()
    assert (found.text, found.turns, second.given) == (said(0, 1), 2, [])


def test_who_died_is_not_waited_for_longer_than_the_store_says(call: Callable[..., Any]) -> None:
    store = InMemoryStore()
    store.timeout = 0.2
    filled(store)
    assert store.lease("s", LEASE, "dead", 60)
    sessions, _ = by_hand(store)
    began = time.monotonic()
    assert call(sessions, "summarize", "s").text == said(0, 1)
    assert 0.2 <= time.monotonic() - began < SOON / 2
    assert not store.lease("s", LEASE, "another", 60)


def test_a_write_leaves_a_session_to_who_is_at_it(call: Callable[..., Any]) -> None:
    store, scripted = InMemoryStore(), Scripted()
    sessions = SessionManager(1, store, summary=Summary(scripted, every=1, background=False))
    assert store.lease("s", LEASE, "another", 60)
    call(sessions, "send_messages", "s", [*turn(0), *turn(1)])
    assert scripted.given == []
    assert store.lease("s", LEASE, "another", 0)
    call(sessions, "send_messages", "s", turn(2))
    assert scripted.given == [(None, said(0, 1).split())]


def test_a_lease_is_given_back_after_a_failure(call: Callable[..., Any]) -> None:
    def fails(_previous: str | None, _messages: list[Any]) -> str:
        raise ZeroDivisionError

    store = InMemoryStore()
    filled(store)
    with pytest.raises(SummaryError):
        call(SessionManager(1, store, summary=Summary(fails, every=None)), "summarize", "s")
    assert store.lease("s", LEASE, "another", 60)


class WithoutLeases(InMemoryStore):
    def lease(self, session_id: str, name: str, holder: str, seconds: float) -> bool:
        raise StoreError(f"no rights to {name}: {session_id, holder, seconds}")


def test_a_store_that_grants_no_lease_is_summarised_all_the_same(call: Callable[..., Any]) -> None:
    store, scripted = WithoutLeases(), Scripted()
    sessions = SessionManager(1, store, summary=Summary(scripted, every=1, background=False))
    call(sessions, "send_messages", "s", [*turn(0), *turn(1)])
    assert scripted.given == [(None, said(0).split())]
    call(sessions, "send_messages", "s", turn(2))
    assert call(sessions, "summarize", "s").text == said(0, 1)


async def test_a_lease_is_given_back_after_a_cancellation() -> None:
    async def slow(_previous: str | None, _messages: list[Any]) -> str:
        await asyncio.sleep(SOON)
        return "text"

    store = InMemoryStore()
    filled(store)
    task = asyncio.create_task(SessionManager(1, store, summary=Summary(slow, every=None)).asummarize("s"))
    await asyncio.sleep(0.01)
    assert not store.lease("s", LEASE, "another", 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert store.lease("s", LEASE, "another", 60)
