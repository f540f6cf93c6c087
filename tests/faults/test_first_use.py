"""Many operations at once, with which a store or a client begins."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
import redis.asyncio

from sessionkit_integrations import RedisStore, SessionManager

if TYPE_CHECKING:
    from sessionkit_integrations.stores.redis.commands import Command
    from tests.backends import Backends

AT_ONCE = 64
ROUNDS = 2
HELLO = [{"role": "user", "content": "Hello"}]


class OnceStore(RedisStore):
    """A store that tries nothing again."""

    def _explain(self, error: Exception, command: Command[Any]) -> NoReturn:
        raise AssertionError(f"{command.name} failed") from error


@pytest.fixture(params=["redis-8.2", "cluster"])
def url(request: pytest.FixtureRequest, backends: Backends) -> str:
    return backends.cluster().url if request.param == "cluster" else backends.server(request.param).url


def test_threads_that_all_begin_at_once(url: str) -> None:
    for number in range(ROUNDS):
        with SessionManager(store=OnceStore(url, key_prefix=f"threads{number}:")) as sessions:
            write_with_threads(sessions)
            assert len(list(sessions.list_sessions())) == AT_ONCE


async def test_tasks_that_all_begin_at_once(url: str) -> None:
    for number in range(ROUNDS):
        async with SessionManager(store=OnceStore(url, key_prefix=f"tasks{number}:")) as sessions:
            await write_with_tasks(sessions)
            assert len([name async for name in sessions.alist_sessions()]) == AT_ONCE


def test_threads_that_begin_at_once_with_a_given_cluster_client(backends: Backends) -> None:
    for number in range(ROUNDS):
        with backends.cluster().client() as client:
            write_with_threads(SessionManager(store=OnceStore(client=client, key_prefix=f"given{number}:")))


async def test_tasks_that_begin_at_once_with_a_given_cluster_client(backends: Backends) -> None:
    port = backends.cluster().nodes[0].port
    for number in range(ROUNDS):
        async_client = redis.asyncio.RedisCluster(host="127.0.0.1", port=port)
        store = OnceStore(async_client=async_client, key_prefix=f"agiven{number}:")
        await write_with_tasks(SessionManager(store=store))
        await async_client.aclose()


def write_with_threads(sessions: SessionManager) -> None:
    together = threading.Barrier(AT_ONCE)

    def write(thread: int) -> None:
        together.wait()
        if thread % 2:
            assert sessions.get_session(f"s{thread}") == []
        sessions.add_user_message(f"s{thread}", "Hello")
        assert sessions.get_session(f"s{thread}") == HELLO

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(write, range(AT_ONCE)))


async def write_with_tasks(sessions: SessionManager) -> None:
    async def write(task: int) -> None:
        await asyncio.sleep(task % 3 / 10_000)  # some begin while the client is still finding its nodes
        if task % 2:
            assert await sessions.aget_session(f"s{task}") == []
        await sessions.aadd_user_message(f"s{task}", "Hello")
        assert await sessions.aget_session(f"s{task}") == HELLO

    await asyncio.gather(*map(write, range(AT_ONCE)))
