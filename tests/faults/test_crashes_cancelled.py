"""Asynchronous calls cancelled at any moment leave pool, store and session usable and consistent."""

from __future__ import annotations

import asyncio
import itertools
import random
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
import redis

from sessionkit_integrations import InMemoryStore, RedisStore, SessionManager, SQLiteStore, UpstashStore
from tests.backends import REDIS_SERVERS
from tests.seeds import new_seed
from tests.upstash_rest import TOKEN

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from sessionkit_integrations import Store
    from tests.backends import Backends
    from tests.servers import Server

CANCELLED, WORKERS, MAX_CALLS = 200, 5, 2000
CANCELLED_AT_LEAST = CANCELLED if sys.version_info >= (3, 11) else CANCELLED // 10
"""Before Python 3.11, redis-py loses a cancellation that comes just as a command has been sent."""

SHORTEST = 0.0005
SETTLE_SECONDS = 20
LONG = "x" * 3000  # so that a reply does not come in one piece with another


class Setting:
    """A store whose calls are cancelled.

    Args:
        make: Makes the store, in a running loop.
        servers: Those whose connections are counted.
        close: Closes what the store was given.
        threads: How many threads make the calls at most, where they do, each with a connection of its own.
    """

    def __init__(
        self,
        make: Callable[[], Store],
        servers: tuple[Server, ...] = (),
        close: Callable[[], Awaitable[object]] | None = None,
        *,
        threads: int = 0,
    ) -> None:
        self.make = make
        self.close = close
        self.bound = threads or WORKERS * len(servers)  # of connections
        self._servers = servers

    def connections(self) -> int:
        """Return how many connections the servers have, but for those of this method."""
        count = 0
        for server in self._servers:
            with server.client() as client:
                listed: Any = client.client_list(_type="normal")
                count += len(listed) - 1
        return count


def _setting(name: str, backends: Backends, folder: Path) -> Setting:
    prefix = f"{folder.name}:"
    if name == "memory":
        memory = InMemoryStore()
        return Setting(lambda: memory)
    if name == "sqlite":
        return Setting(lambda: SQLiteStore(folder / "chats.db"))
    if name == "upstash":
        url = backends.upstash().url
        return Setting(lambda: UpstashStore(url, TOKEN, key_prefix=prefix))
    if name == "cluster":
        cluster = backends.cluster()
        return Setting(lambda: RedisStore(cluster.url, key_prefix=prefix), tuple(cluster.nodes))
    if name in REDIS_SERVERS:
        server = backends.server(name)
        return Setting(lambda: RedisStore(server.url, key_prefix=prefix), (server,))
    return _given(name, backends.server("redis-8.2"), prefix)


def _given(name: str, server: Server, prefix: str) -> Setting:
    if name == "given client":
        client = server.client()

        async def close() -> None:
            client.close()

        # Nobody can cancel a thread, so that there may be more of them than tasks.
        return Setting(lambda: RedisStore(client=client, key_prefix=prefix), (server,), close, threads=32)
    clients: list[redis.asyncio.Redis] = []

    def make() -> Store:
        clients.append(redis.asyncio.Redis(port=server.port))
        return RedisStore(async_client=clients[-1], key_prefix=prefix)

    async def aclose() -> None:
        await clients.pop().aclose()

    return Setting(make, (server,), aclose)


@pytest.fixture(params=["memory", "sqlite", *REDIS_SERVERS, "cluster", "upstash", "given client", "given async client"])
def setting(request: pytest.FixtureRequest, backends: Backends, tmp_path: Path) -> Setting:
    return _setting(request.param, backends, tmp_path)


async def by_wait_for(call: Awaitable[Any], seconds: float) -> Any:
    return await asyncio.wait_for(call, seconds)


async def by_timeout(call: Awaitable[Any], seconds: float) -> Any:
    if sys.version_info < (3, 11):
        return await asyncio.wait_for(call, seconds)
    async with asyncio.timeout(seconds):
        return await call


async def by_cancel(call: Awaitable[Any], seconds: float) -> Any:
    task = asyncio.ensure_future(call)
    handle = asyncio.get_running_loop().call_later(seconds, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        raise asyncio.TimeoutError from None
    finally:
        handle.cancel()


HOW = (by_wait_for, by_timeout, by_cancel)


class Calls:
    """Calls of a store's sessions, of which about half have less time than they need.

    Attributes:
        acknowledged: What was appended for certain.
        cancelled: How many calls were cancelled.
        made: How many were made.
    """

    def __init__(self, sessions: SessionManager, chance: random.Random) -> None:
        self.acknowledged: set[str] = set()
        self.cancelled = self.made = 0
        self._sessions = sessions
        self._chance = chance
        self._limit = 0.01

    async def begin(self) -> None:
        """Write what is read later."""
        for worker in range(WORKERS):
            await self._sessions.aadd_user_message(f"own {worker}", f"own {worker} {LONG}")

    async def work(self, worker: int) -> None:
        """Make calls until enough of them have been cancelled."""
        own = [{"role": "user", "content": f"own {worker} {LONG}"}]
        for number in itertools.count():
            if self.cancelled >= CANCELLED or self.made >= MAX_CALLS:
                return
            self.made += 1
            name = f"{worker}:{number}"
            reads = number % 3 == 2
            call: Awaitable[Any] = (
                self._sessions.aget_session(f"own {worker}") if reads else self._sessions.aadd_user_message("s", name)
            )
            try:
                result = await HOW[number // 3 % len(HOW)](call, self._chance.uniform(0, self._limit))
            except asyncio.TimeoutError:
                self.cancelled += 1
                self._limit *= 1.1
            else:
                self._limit = max(self._limit / 1.1, SHORTEST)
                if reads:
                    assert result == own
                else:
                    self.acknowledged.add(name)
            # Whatever became of that call, the next has its own reply.
            assert await self._sessions.aget_session(f"own {worker}") == own


@pytest.mark.hypothesis
def test_cancelled_calls(setting: Setting) -> None:
    seed = new_seed()
    print(f"seed {seed}")
    before = setting.connections()
    calls = asyncio.run(_cancel(setting, random.Random(seed), before))
    _until(lambda: setting.connections() <= before, "connections are left open")
    contents = asyncio.run(_read(setting))
    print(f"{calls.made} calls, {calls.cancelled} cancelled, {len(contents)} appends there,")
    print(f"{len(calls.acknowledged)} of them acknowledged")
    assert [content for content, times in Counter(contents).items() if times > 1] == []
    assert calls.acknowledged - set(contents) == set()
    # What was cancelled may still be on its way when the next call is made.
    for worker in range(WORKERS):
        own = [each for each in contents if each in calls.acknowledged and each.startswith(f"{worker}:")]
        assert own == sorted(own, key=lambda each: int(each.partition(":")[2]))


async def _cancel(setting: Setting, chance: random.Random, connections_before: int) -> Calls:
    async with SessionManager(10 * MAX_CALLS, setting.make()) as sessions:
        calls = Calls(sessions, chance)
        await calls.begin()
        await asyncio.gather(*map(calls.work, range(WORKERS)))
        if not isinstance(sessions.store, InMemoryStore):  # which never waits, so that nothing can be cancelled
            assert calls.cancelled >= CANCELLED_AT_LEAST
        _until(
            lambda: setting.connections() <= connections_before + setting.bound, "there are more connections than tasks"
        )
        await sessions.aadd_user_message("s", f"{WORKERS}:0")
        calls.acknowledged.add(f"{WORKERS}:0")
    if setting.close is not None:
        await setting.close()
    return calls


async def _read(setting: Setting) -> list[str]:
    async with SessionManager(10 * MAX_CALLS, setting.make()) as sessions:
        contents = [str(message["content"]) for message in await sessions.aget_session("s")]
    if setting.close is not None:
        await setting.close()
    return contents


def _until(happened: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + SETTLE_SECONDS
    while not happened():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.02)
