"""What applications do with event loops, threads and forks, in a process of its own, where warnings are errors.

``python -m tests.faults.scenarios <kind of store> <where it is> <ports of the servers behind it>`` does it all and
prints what it leaves open; whatever warns writes to the standard error.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys
import threading
import time
import warnings
from functools import partial
from typing import TYPE_CHECKING, Any

import redis

from sessionkit_integrations import InMemoryStore, RedisStore, SessionManager, SQLiteStore, UpstashStore
from tests.upstash_rest import TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sessionkit_integrations import Store

PREFIX = "scenario:"
RUNS = 10
ROUNDS = 3
PROCESSES = 2
AT_ONCE = 3
SQLITE_FILES = 3
A_LOOP = 3


class Open:
    """What this process has open: file descriptors, and connections that the servers see."""

    def __init__(self, ports: list[int]) -> None:
        self._monitors = [redis.Redis(port=port) for port in ports]
        self.pooled = AT_ONCE * max(1, len(ports))
        self.given = 0
        self.before = self.count()

    def count(self) -> tuple[int, int]:
        """Return the number of file descriptors and of connections."""
        gc.collect()
        connections = sum(len(list(monitor.client_list())) for monitor in self._monitors)
        return len(os.listdir("/dev/fd")), connections  # noqa: PTH208 - it is no folder of files

    def check(self, descriptors: int = 0, connections: int = 0) -> None:
        """Wait until no more is open than at first and these."""
        deadline = time.monotonic() + 5
        most = self.before[0] + descriptors + connections, self.before[1] + connections
        while any(now > allowed for now, allowed in zip(self.count(), most, strict=True)):
            if time.monotonic() > deadline:
                raise AssertionError(f"{self.count()} descriptors and connections are open, not {most}")
            time.sleep(0.05)

    def close(self) -> None:
        """Close what counting needs."""
        for monitor in self._monitors:
            monitor.close()


def use(sessions: SessionManager, name: str) -> None:
    """Write and read a session that nobody else uses."""
    content = f"{name} {os.getpid()}"
    sessions.reset_session(content)
    sessions.add_user_message(content, content)
    sessions.set_system_message(content, "of this one")
    assert [each["content"] for each in sessions.get_session(content)] == ["of this one", content]
    assert content in set(sessions.list_sessions())
    sessions.reset_session(content)


async def ause(sessions: SessionManager, name: str) -> None:
    """See `use`."""
    content = f"{name} {os.getpid()}"
    await sessions.areset_session(content)
    await sessions.aadd_user_message(content, content)
    await sessions.aset_system_message(content, "of this one")
    assert [each["content"] for each in await sessions.aget_session(content)] == ["of this one", content]
    assert content in {each async for each in sessions.alist_sessions()}
    await sessions.areset_session(content)


async def ause_at_once(sessions: SessionManager, name: str) -> None:
    await asyncio.gather(*(ause(sessions, f"{name} {number}") for number in range(AT_ONCE)))


def runs(sessions: SessionManager, opened: Open) -> None:
    """Ten `asyncio.run` in a row leave nothing open, whether the store is closed or not."""
    for number in range(RUNS):
        asyncio.run(ause_at_once(sessions, f"run {number}"))
    opened.check(SQLITE_FILES, opened.pooled)


def running_loop(sessions: SessionManager, opened: Open) -> None:
    """A notebook's cells are called in a running loop, the plain methods too."""

    async def cells() -> None:
        for number in range(ROUNDS):
            use(sessions, f"cell {number}")
            await ause_at_once(sessions, f"cell {number}")
        sessions.close()
        await ause(sessions, "after closing")

    asyncio.run(cells())


def threads(sessions: SessionManager, opened: Open) -> None:
    """Threads each have a loop, by `asyncio.run` or closed with no shutdown, and use the plain methods as well."""

    def with_run(number: int) -> None:
        asyncio.run(ause_at_once(sessions, f"thread {number}"))
        use(sessions, f"thread {number}")

    def without_shutdown(number: int) -> None:
        loop = asyncio.new_event_loop()
        loop.run_until_complete(ause_at_once(sessions, f"bare thread {number}"))
        loop.close()

    in_threads([partial(work, number) for work in (with_run, without_shutdown) for number in range(4)])
