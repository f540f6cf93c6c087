"""Batches over clients that a store was given: they keep what those clients would do with each command alone."""

from __future__ import annotations

import asyncio
import importlib
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
import redis.asyncio
import redis.asyncio.cluster

from sessionkit_integrations import RedisStore, SessionManager
from sessionkit_integrations.runtime.steps import arun
from sessionkit_integrations.stores.redis.keys import Keys
from sessionkit_integrations.stores.redis.vectors import known
from tests.faults.helpers.failovers import wait_until
from tests.faults.test_batched_operations import TASKS as BATCHED
from tests.faults.test_batched_operations import connections, contents, write

if TYPE_CHECKING:
    from tests.backends import Backends
    from tests.servers import Server

TASKS = 8
PREFIX = "given:"
RECONNECTS = hasattr(redis.asyncio.cluster.ClusterNode, "disconnect_if_needed")


@pytest.fixture
def server(empty_server: Server) -> Server:
    return empty_server


class Prefixing(redis.asyncio.Redis):
    """A client that gives keys a prefix, as several libraries have one."""

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """See `redis.asyncio.Redis.execute_command`."""
        first, last = (3, 3 + int(args[2])) if args[0].startswith("EVAL") else (1, 2)
        keys = [f"app:{key}" for key in args[first:last]]
        return await super().execute_command(*args[:first], *keys, *args[last:], **options)


async def test_what_a_client_does_with_each_command_is_done(server: Server) -> None:
    async with Prefixing(port=server.port) as client:
        sessions = SessionManager(store=RedisStore(async_client=client, key_prefix=PREFIX))
        assert await write(sessions, TASKS) == [None] * TASKS
        assert await contents(sessions, TASKS) == [["Hello"]] * TASKS
    with server.client() as plain:
        assert len(plain.keys("app:*")) == len(plain.keys("*")) == 2 * TASKS


async def test_a_client_of_one_connection_keeps_to_it(server: Server) -> None:
    async with redis.asyncio.Redis(port=server.port, single_connection_client=True) as client:
        sessions = SessionManager(store=RedisStore(async_client=client, key_prefix=PREFIX))
        with server.client() as plain:
            before = connections(plain)
            assert await write(sessions, TASKS) == [None] * TASKS
            assert await contents(sessions, TASKS) == [["Hello"]] * TASKS
            assert connections(plain) == before


async def test_vectors_break_no_batch_of_a_client_that_decodes_replies(server: Server) -> None:
    vector = b"\xff\xfe\x00\x80"
    async with redis.asyncio.Redis(port=server.port, decode_responses=True) as client:
        store = RedisStore(async_client=client, key_prefix=PREFIX)
        command = known(Keys(PREFIX), "s", ["name"])

        async def read(count: int) -> list[Any]:
            operations = (arun(store._operation(command), store._aperform) for _ in range(count))
            return await asyncio.gather(*operations)

        with server.client() as plain:
            plain.hset(f"{{{PREFIX}s}}:vectors:name", "v", vector)
            assert await read(TASKS) == [[vector]] * TASKS
            before = connections(plain)
            assert await read(TASKS) == [[vector]] * TASKS
            assert connections(plain) == before


@pytest.mark.skipif(not RECONNECTS, reason="this redis-py opens no connection again after a change of the nodes")
async def test_connections_to_a_cluster_are_opened_again_when_it_changed(backends: Backends) -> None:
    nodes = backends.cluster().nodes
    with ExitStack() as stack:
        plain = [stack.enter_context(node.client()) for node in nodes]
        async with redis.asyncio.RedisCluster(host="127.0.0.1", port=nodes[0].port) as client:
            sessions = SessionManager(store=RedisStore(async_client=client, key_prefix=PREFIX))
            await sessions.aadd_user_message("first", "Hello")  # after which the client knows the nodes
            await write(sessions)
            await client.nodes_manager.initialize()
            before = [connections(each) for each in plain]
            assert await write(sessions) == [None] * BATCHED
            assert all(connections(each) > count for each, count in zip(plain, before, strict=True))


class Noting(redis.asyncio.ConnectionPool):
    """A pool that notes whether a connection came back before it was authenticated with a new token."""

    early = 0

    async def release(self, connection: Any) -> None:
        """See `redis.asyncio.ConnectionPool.release`."""
        self.early += connection._re_auth_token is not None
        await super().release(connection)


@pytest.mark.skipif(not hasattr(redis.asyncio.Connection, "re_auth"), reason="this redis-py takes no new tokens")
async def test_a_batch_sends_a_new_token_before_its_connection_is_another_s(server: Server) -> None:
    simple_token = importlib.import_module("redis.auth.token").SimpleToken
    pool = Noting(port=server.port)
    async with redis.asyncio.Redis.from_pool(pool) as client:
        sessions = SessionManager(store=RedisStore(async_client=client, key_prefix=PREFIX))
        await write(sessions, TASKS)
        with server.client() as plain:
            plain.acl_setuser("limited", enabled=True, passwords=["+secret"], keys=["*"], commands=["+@all"])
            plain.config_resetstat()
            plain.client_pause(60_000, all=False)
            tasks = [asyncio.create_task(sessions.aadd_user_message(f"s{number}", "2")) for number in range(2, 6)]
            await asyncio.to_thread(wait_until, lambda: plain.info("clients")["blocked_clients"] == 2)
            await client.connection_pool.re_auth_callback(simple_token("secret", 2e12, 0, {"oid": "limited"}))
            plain.client_unpause()
            assert await asyncio.gather(*tasks) == [None] * 4
            assert plain.info("commandstats")["cmdstat_auth"]["calls"] == 2
            plain.acl_deluser("limited")
    assert pool.early == 1  # that of the first task, which went by itself
