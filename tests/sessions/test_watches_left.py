"""Watches that are left in every way: by cancelling, closing and forking, and with their event loop; or go on."""

from __future__ import annotations

import asyncio
import os
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest

from sessionkit_integrations import CorruptSessionError, InMemoryStore, SessionManager
from sessionkit_integrations.records.record import Record

if TYPE_CHECKING:
    from sessionkit_integrations import Change
    from sessionkit_integrations.sessions.watching import AsyncWatch
    from tests.backends import Backends


async def _all_of(watch: AsyncWatch[Change]) -> list[Change]:
    return [change async for change in watch]


@pytest.mark.parametrize("turns_of_the_loop", range(5))
async def test_a_task_is_cancelled_while_a_write_wakes_it(turns_of_the_loop: int) -> None:
    """`asyncio.wait_for` forgot the cancellation, before Python 3.12, one to three turns after the write."""
    store = InMemoryStore()
    sessions = SessionManager(2, store)
    task = asyncio.ensure_future(_all_of(sessions.awatch("s", timeout=0.5)))
    await asyncio.sleep(0.01)
    sessions.add_user_message("s", "1")
    for _ in range(turns_of_the_loop):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert not store._mailboxes


async def test_a_watch_is_closed_from_another_task() -> None:
    store = InMemoryStore()
    watch = SessionManager(2, store).awatch("s")
    task = asyncio.ensure_future(_all_of(watch))
    await asyncio.sleep(0.01)
    began = time.monotonic()
    await watch.aclose()
    assert await task == []
    assert time.monotonic() - began < 5
    assert not store._mailboxes
    await watch.aclose()
    assert await _all_of(watch) == []


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_loop_that_was_closed_harms_no_writer() -> None:
    sessions = SessionManager(2, InMemoryStore())
    watch, loop = sessions.awatch("s"), asyncio.new_event_loop()
    task = loop.create_task(_all_of(watch))
    loop.run_until_complete(asyncio.sleep(0.01))
    loop.close()
    sessions.add_user_message("s", "1")
    assert sessions.get_session("s") == [{"role": "user", "content": "1"}]
    task.get_coro().close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_watch_goes_on_in_a_child(backends: Backends) -> None:
    """Each has a connection of its own, so that none takes notices from the other."""
    make = partial(backends.maker("redis-8.2"), notify=True)
    with SessionManager(5, make()) as sessions, sessions.watch(timeout=20) as changes:
        child = os.fork()
        if not child:
            try:
                sessions.add_user_message("child", "1")
                os._exit(0 if {next(changes).session_id, next(changes).session_id} == {"child", "parent"} else 1)
            finally:
                os._exit(2)
        assert next(changes).session_id == "child"
        sessions.add_user_message("parent", "2")
        assert next(changes).session_id == "parent"
        assert os.waitpid(child, 0)[1] == 0


def test_a_watch_goes_on_after_a_change_that_cannot_be_read() -> None:
    store = InMemoryStore()
    sessions = SessionManager(2, store)
    with sessions.watch("s", timeout=20) as changes:
        store.append("s", [Record(b'{"role":"user","content":7}')], sessions.window, "id")
        with pytest.raises(CorruptSessionError, match="session 's', record 0"):
            next(changes)
        sessions.add_assistant_message("s", "1")
        assert next(changes).messages == [{"role": "assistant", "content": "1"}]
