"""Operations that share a round trip: what befalls one befalls no other, and nothing is written twice."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import redis.asyncio

from sessionkit_integrations import (
    RedisStore,
    SessionManager,
    StoreError,
    StoreUnavailableError,
    UpstashStore,
)
from sessionkit_integrations.stores.redis.keys import Keys
from tests import upstash_rest
from tests.faults.helpers.failovers import wait_until
from tests.faults.helpers.framing import Http, Resp
from tests.faults.helpers.proxy import CUT_BEFORE, CUT_WITHIN, DROP, PASS, TRUNCATE, Faults, FaultyProxy
from tests.faults.helpers.stalling import Stalling
from tests.stores.test_scripted import executed
from tests.upstash_rest import TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.backends import Backends
    from tests.servers import Server

TASKS = 64
TIMEOUT = 60
PREFIX = "batched:"


@pytest.fixture
def server(empty_server: Server) -> Server:
    return empty_server


async def write(sessions: SessionManager, count: int = TASKS) -> list[Any]:
    """Write to as many sessions, each from a task of its own; return what was raised, or ``None``."""
    writes = (sessions.aadd_user_message(f"s{number}", "Hello") for number in range(count))
    return await asyncio.gather(*writes, return_exceptions=True)


async def contents(sessions: SessionManager, count: int = TASKS) -> list[list[Any]]:
    read = await asyncio.gather(*(sessions.aget_session(f"s{number}") for number in range(count)))
    return [[message["content"] for message in messages] for messages in read]


def connections(client: Any) -> int:
    """Return how many connections a server has ever been asked for."""
    return int(client.info("stats")["total_connections_received"])


@pytest.mark.parametrize(("batch", "count", "expected"), [(True, 1, 1), (True, TASKS, 2), (False, 4, 4)])
async def test_all_tasks_that_are_ready_at_once_but_the_first_use_one_connection(
    server: Server, batch: bool, count: int, expected: int
) -> None:
    with server.client() as client:
        async with SessionManager(store=RedisStore(server.url, key_prefix=PREFIX, batch=batch)) as sessions:
            before = connections(client)
            assert await write(sessions, count) == [None] * count
            assert connections(client) - before == expected
            client.config_resetstat()
            assert await write(sessions, count) == [None] * count
            assert executed(client) == dict.fromkeys(("evalsha", "get", "rpush", "set"), count)
            assert await contents(sessions, count) == [["Hello", "Hello"]] * count


async def test_scripts_that_the_server_does_not_know_are_sent_once(server: Server) -> None:
    with server.client() as client:
        async with SessionManager(store=RedisStore(server.url, key_prefix=PREFIX)) as sessions:
            await write(sessions)
            client.script_flush()
            client.config_resetstat()
            described = (sessions.adescribe(f"s{number}") for number in range(TASKS))
            outcomes, *infos = await asyncio.gather(write(sessions), *described)
            assert outcomes == [None] * TASKS
            assert {info is not None and info.turns for info in infos} <= {1, 2}
            counts = executed(client)
            # Those of the batch are sent twice, but for the two whose texts make their scripts known. The first command
            # goes by itself, and may come with the text of one in time for some of the others.
            assert 2 <= counts["eval"] <= 3
            assert counts["evalsha"] <= 4 * TASKS - 3
            assert await contents(sessions) == [["Hello", "Hello"]] * TASKS


async def test_a_member_that_the_server_refuses_is_alone_with_it(server: Server, store_of: Callable[[], Any]) -> None:
    with server.client() as client:
        client.sadd(Keys(PREFIX).active("s3"), "not ours")
        async with SessionManager(store=store_of()) as sessions:
            outcomes = await write(sessions)
            assert isinstance(outcomes.pop(3), StoreError)
            assert outcomes == [None] * (TASKS - 1)
            with pytest.raises(StoreError):
                await contents(sessions)
            client.delete(*Keys(PREFIX).all_of("s3"))
            assert await contents(sessions) == [[] if number == 3 else ["Hello"] for number in range(TASKS)]


@pytest.fixture(params=["redis", "upstash"])
def store_of(request: pytest.FixtureRequest, server: Server, backends: Backends) -> Callable[[], Any]:
    if request.param == "redis":
        return lambda: RedisStore(server.url, key_prefix=PREFIX, timeout=TIMEOUT)
    return lambda: UpstashStore(backends.upstash().url, TOKEN, key_prefix=PREFIX, timeout=TIMEOUT)


async def test_a_member_that_is_cancelled_under_way_holds_up_nobody(server: Server) -> None:
    with server.client() as client:
        async with SessionManager(store=RedisStore(server.url, key_prefix=PREFIX, timeout=TIMEOUT)) as sessions:
            await write(sessions)
            client.client_pause(60_000, all=False)
            tasks = [asyncio.create_task(sessions.aadd_user_message(f"s{number}", "2")) for number in range(TASKS)]
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(tasks[7], 0.05)
            tasks[5].cancel()
            await asyncio.wait([tasks[5]])
            assert [number for number, task in enumerate(tasks) if task.done()] == [5, 7]
            client.client_unpause()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            cancelled = [number for number, outcome in enumerate(outcomes) if outcome is not None]
            assert (cancelled, {type(outcomes[number]) for number in cancelled}) == ([5, 7], {asyncio.CancelledError})
            # The server had been sent what nobody waits for any more.
            assert await contents(sessions) == [["Hello", "2"]] * TASKS


@pytest.mark.parametrize("fault", [CUT_BEFORE, CUT_WITHIN, DROP, TRUNCATE])
@pytest.mark.parametrize("backend", ["redis", "upstash"])
async def test_a_connection_that_is_lost_in_mid_batch(
    server: Server, backends: Backends, backend: str, fault: str
) -> None:
    """Some members were executed and some were not; each tries again, and is written once."""
    faults = _FaultAt(20 if backend == "redis" else 0, fault)
    framing, port = (
        (Resp(), server.port) if backend == "redis" else (Http(), int(backends.upstash().url.split(":")[-1]))
    )
    proxy = FaultyProxy(port, framing, faults)
    if backend == "redis":
        store: Any = RedisStore(port=proxy.port, key_prefix=PREFIX, timeout=TIMEOUT)
    else:
        store = UpstashStore(f"http://127.0.0.1:{proxy.port}", TOKEN, key_prefix=PREFIX, timeout=TIMEOUT)
    async with SessionManager(store=store) as sessions:
        assert await write(sessions) == [None] * TASKS
        assert faults.total == 1
        assert await contents(sessions) == [["Hello"]] * TASKS
    proxy.stop()


class _FaultAt(Faults):
    """A fault that befalls one command: the one of a number, counted from 0."""

    def __init__(self, number: int, fault: str) -> None:
        super().__init__(0, {PASS: 1})
        self._left, self._fault = number, fault

    def next(self) -> str:
        fault = self._fault if self._left == 0 else PASS
        self._left -= 1
        self.counts[fault] += 1
        return fault


@pytest.mark.parametrize("accepts", [True, False])
async def test_members_of_a_batch_that_was_not_sent_say_so(accepts: bool) -> None:
    with Stalling(accepts=accepts) as stalling:
        async with SessionManager(store=RedisStore(port=stalling.port, timeout=0.5)) as sessions:
            outcomes = await write(sessions, 5)
    assert [type(outcome) for outcome in outcomes] == [StoreUnavailableError] * 5
    assert len({id(outcome.__cause__) for outcome in outcomes}) == 5
    assert [outcome.may_have_happened for outcome in outcomes] == [False] * 5


def test_a_given_client_is_used_in_one_loop_after_another(server: Server) -> None:
    async def write_with(store: RedisStore, client: redis.asyncio.Redis) -> list[Any]:
        outcomes = await write(SessionManager(store=store), 3)
        await client.connection_pool.disconnect()
        return outcomes

    client = redis.asyncio.Redis(port=server.port)
    store = RedisStore(async_client=client, key_prefix=PREFIX)
    assert [asyncio.run(write_with(store, client)) for _ in range(2)] == [[None] * 3] * 2


async def test_tasks_on_a_cluster_share_a_round_trip_to_each_node(backends: Backends) -> None:
    cluster = backends.cluster()
    with ExitStack() as stack:
        clients = [stack.enter_context(node.client()) for node in cluster.nodes]
        for client in clients:
            client.flushdb()
        async with SessionManager(store=RedisStore(cluster.url, key_prefix=PREFIX, timeout=TIMEOUT)) as sessions:
            await sessions.aadd_user_message("first", "Hello")  # after which the client knows the nodes
            before = [connections(client) for client in clients]
            assert await write(sessions) == [None] * TASKS
            opened = [connections(client) - count for client, count in zip(clients, before, strict=True)]
            assert max(opened) <= 2, opened
            # They lose their connections before they are executed; each is sent again by itself.
            for client in clients:
                client.client_pause(60_000, all=False)
            tasks = asyncio.create_task(write(sessions))
            blocked = [partial(client.info, "clients") for client in clients]
            await asyncio.to_thread(wait_until, lambda: all(info()["blocked_clients"] for info in blocked))
            for client in clients:
                client.client_kill_filter(_type="normal", skipme=True)
                client.client_unpause()
            assert await tasks == [None] * TASKS
            assert await contents(sessions) == [["Hello", "Hello"]] * TASKS


async def take_turns(sessions: SessionManager, count: int = TASKS) -> None:
    async def take(number: int) -> Sequence[Any]:
        window = await sessions.aprompt(f"s{number}", "Hello")
        await sessions.aadd_assistant_message(f"s{number}", "Hi")
        return window

    taken = await asyncio.gather(*map(take, range(count)))
    assert [window[-1]["content"] for window in taken] == ["Hello"] * count


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(("batch", "count", "expected"), [(True, TASKS, 2), (False, 4, 8)])
async def test_turns_taken_at_once_share_requests_to_upstash(
    backends: Backends, batch: bool, count: int, expected: int
) -> None:
    endpoint = backends.upstash()
    async with SessionManager(store=UpstashStore(endpoint.url, TOKEN, key_prefix=PREFIX, batch=batch)) as sessions:
        await take_turns(sessions, count)
        before = endpoint.requests
        await take_turns(sessions, count)
        assert endpoint.requests - before == expected


@pytest.mark.usefixtures("server")
async def test_scripts_that_upstash_does_not_know_are_sent_in_one_request_more(backends: Backends) -> None:
    endpoint = backends.upstash()
    async with SessionManager(store=UpstashStore(endpoint.url, TOKEN, key_prefix=PREFIX)) as sessions:
        endpoint.scripts.clear()
        before = endpoint.requests
        await take_turns(sessions)
        assert endpoint.requests - before == 3


@pytest.mark.usefixtures("server")
async def test_a_batch_that_is_refused_as_a_whole_is_sent_one_by_one(
    backends: Backends, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = backends.upstash()
    async with SessionManager(store=UpstashStore(endpoint.url, TOKEN, key_prefix=PREFIX)) as sessions:
        await sessions.aadd_user_message("s0", "Hello")
        monkeypatch.setattr(upstash_rest, "MAX_REQUEST_BYTES", 5_000)
        before = endpoint.requests
        tasks = [asyncio.create_task(sessions.aadd_user_message("big", "x" * 6_000))]
        outcomes = await write(sessions)
        with pytest.raises(StoreError, match="max request size"):
            await tasks[0]
        assert outcomes == [None] * TASKS
        assert endpoint.requests - before == 1 + 1 + TASKS
        monkeypatch.undo()
        assert await contents(sessions, 2) == [["Hello", "Hello"], ["Hello"]]
