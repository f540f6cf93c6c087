"""A store that is closed, or whose process forks, while others are in it."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import InMemoryStore, SessionManager, SQLiteStore, Window
from sessionkit_integrations.records.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sessionkit_integrations import Store
    from tests.backends import StoreMaker

RECORD = Record(b'{"role":"user","content":"Hello","at":0}')
WRITERS, WRITES, CLOSINGS = 4, 30, 20


def test_threads_that_are_in_a_store_when_it_is_closed_go_on(make_store: StoreMaker) -> None:
    store = make_store()
    sessions = SessionManager(1000, store)
    raised: list[BaseException] = []

    def write(number: int) -> None:
        try:
            for _ in range(WRITES):
                sessions.add_user_message(f"s{number}", "Hello")
        except BaseException as error:  # noqa: BLE001 - looked at below
            raised.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
    for thread in threads:
        thread.start()
    for _ in range(CLOSINGS):
        time.sleep(0.002)
        store.close()
    for thread in threads:
        thread.join()
    assert raised == []
    assert [len(sessions.get_session(f"s{number}")) for number in range(WRITERS)] == [WRITES] * WRITERS


@pytest.mark.parametrize("in_main_thread", [True, False])
def test_tasks_that_are_in_a_store_when_it_is_closed_go_on(make_store: StoreMaker, in_main_thread: bool) -> None:
    store = make_store()
    sessions = SessionManager(1000, store)

    async def write(number: int) -> None:
        for _ in range(WRITES):
            await sessions.aadd_user_message(f"s{number}", "Hello")

    async def close() -> None:
        for _ in range(CLOSINGS):
            await asyncio.sleep(0.002)
            await store.aclose()

    async def both() -> list[int]:
        await asyncio.gather(close(), *(write(number) for number in range(WRITERS)))
        return [len(await sessions.aget_session(f"s{number}")) for number in range(WRITERS)]

    lengths: list[list[int]] = []
    if in_main_thread:
        lengths.append(asyncio.run(both()))
    else:
        thread = threading.Thread(target=lambda: lengths.append(asyncio.run(both())))
        thread.start()
        thread.join()
    assert lengths == [[WRITES] * WRITERS]


class Slow(Sequence[Record]):
    """Records that a store is long busy with."""

    def __init__(self) -> None:
        self.begun = threading.Event()

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: Any) -> Any:
        return [RECORD][index]

    def __iter__(self) -> Iterator[Record]:
        self.begun.set()
        time.sleep(0.3)
        return iter([RECORD])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_a_fork_waits_for_a_thread_that_holds_the_lock(kind: str, tmp_path: Path) -> None:
    store: Store = InMemoryStore() if kind == "memory" else SQLiteStore(tmp_path / "chats.db")
    store.append("before", [RECORD], Window(5), "operation")
    records = Slow()
    thread = threading.Thread(target=store.append, args=("s", records, Window(5), "operation"))
    thread.start()
    records.begun.wait()

    def write() -> None:
        store.append("of the child", [RECORD], Window(5), "operation")
        assert store.read("s").records == store.read("of the child").records == (RECORD,)

    child = multiprocessing.get_context("fork").Process(target=write)
    child.start()
    child.join(10)
    ended = child.exitcode
    if ended is None:
        child.kill()
        child.join()
    thread.join()
    assert ended == 0
    assert store.read("s").records == (RECORD,)
    store.close()
