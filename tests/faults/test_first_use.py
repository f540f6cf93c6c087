"""Many operations at once, with which a store or a client begins."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
import redis
import redis.asyncio

from sessionkit_integrations import RedisStore, SessionManager

if TYPE_CHECKING:
    from tests.backends import Backends

AT_ONCE = 64
ROUNDS = 3
HELLO = [{"role": "user", "content": "Hello"}]


@pytest.mark.parametrize("backend", ["redis-8.2", "cluster"])
def test_threads_that_all_begin_at_once(backends: Backends, backend: str) -> None:
    make = backends.maker(backend)
    for number in range(ROUNDS):
        with SessionManager(store=make()) as sessions:
            write_with_threads(sessions, number)
            assert len(list(sessions.list_sessions())) == AT_ONCE


@pytest.mark.parametrize("backend", ["redis-8.2", "cluster"])
async def test_tasks_that_all_begin_at_once(backends: Backends, backend: str) -> None:
    make = backends.maker(backend)
    for number in range(ROUNDS):
        async with SessionManager(store=make()) as sessions:
            await write_with_tasks(sessions, number)
            assert len([name async for name in sessions.alist_sessions()]) == AT_ONCE


def test_threads_that_begin_at_once_with_a_given_cluster_client(backends: Backends) -> None:
    for number in range(ROUNDS):
        with backends.cluster().client() as client:
            write_with_threads(SessionManager(store=RedisStore(client=client, key_prefix="first:")), number)


async def test_tasks_that_begin_at_once_with_a_given_cluster_client(backends: Backends) -> None:
    port = backends.cluster().nodes[0].port
    for number in range(ROUNDS):
        async_client = redis.asyncio.RedisCluster(host="127.0.0.1", port=port)
        store = RedisStore(async_client=async_client, key_prefix="afirst:")
        await write_with_tasks(SessionManager(store=store), number)
        await async_client.aclose()


def write_with_threads(sessions: SessionManager, number: int) -> None:
    together = threading.Barrier(AT_ONCE)

    def write(thread: int) -> None:
        together.wait()
        sessions.add_user_message(f"{number}-{thread}", "Hello")
        assert sessions.get_session(f"{number}-{thread}") == HELLO

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(write, range(AT_ONCE)))


async def write_with_tasks(sessions: SessionManager, number: int) -> None:
    async def write(task: int) -> None:
        await sessions.aadd_user_message(f"{number}-{task}", "Hello")
        assert await sessions.aget_session(f"{number}-{task}") == HELLO

    await asyncio.gather(*map(write, range(AT_ONCE)))
