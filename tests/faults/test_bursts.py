"""More operations at once than there are connections: each waits for one, and says the truth if it waited in vain.

Time limits are generous, as the machine may be busy. That each operation is made is what counts here.
"""

from __future__ import annotations

import asyncio
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import redis
import redis.asyncio

from sessionkit_integrations import RedisStore, SessionManager, StoreUnavailableError, UpstashStore
from sessionkit_integrations.runtime.gates import AsyncGate, CrowdedError, Gate
from sessionkit_integrations.stores.redis.connections import MAX_CONNECTIONS
from sessionkit_integrations.testing.surface import wait_until
from tests.faults.helpers.distance import Distance
from tests.servers import Server
from tests.upstash_rest import TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sessionkit_integrations.stores.redis.scripted import ScriptedStore
    from tests.backends import Backends

TIMEOUT = 60


async def write_at_once(store: ScriptedStore, count: int) -> list[Exception]:
    """Write to many sessions at once, each from a task of its own; return what was raised."""
    sessions = SessionManager(store=store)
    writes = (sessions.aadd_user_message(f"s{number}", "Hello") for number in range(count))
    outcomes = await asyncio.gather(*writes, return_exceptions=True)
    return [outcome for outcome in outcomes if isinstance(outcome, Exception)]


def write_in_threads(store: ScriptedStore, count: int) -> list[Exception]:
    """See `write_at_once`."""
    sessions = SessionManager(store=store)
    raised: list[Exception] = []

    def write(number: int) -> None:
        try:
            sessions.add_user_message(f"s{number}", "Hello")
        except Exception as error:  # noqa: BLE001 - looked at by the caller
            raised.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


@pytest.fixture(scope="module")
def own_server(backends: Backends) -> Iterator[Server]:
    server = Server(backends.server("redis-8.2").binary, "--enable-debug-command", "yes").start()
    yield server
    server.stop()


@pytest.fixture
def far(own_server: Server) -> Iterator[Distance]:
    with own_server.client() as client, Distance(own_server.port, 0.03) as distance:
        client.flushall()
        yield distance


def count_sessions(server: Server) -> int:
    with server.client() as client:
        return len(list(client.scan_iter("sessionkit:*", count=1000)))


async def test_3000_tasks_at_once_and_a_server_30_ms_away(own_server: Server, far: Distance) -> None:
    async with RedisStore(f"redis://127.0.0.1:{far.port}", timeout=TIMEOUT) as store:
        assert await write_at_once(store, 3000) == []
    assert count_sessions(own_server) == 3000
    assert 1 < far.most <= MAX_CONNECTIONS


def test_500_threads_at_once_and_a_server_30_ms_away(own_server: Server, far: Distance) -> None:
    with RedisStore(port=far.port, timeout=TIMEOUT) as store:
        assert write_in_threads(store, 500) == []
    assert count_sessions(own_server) == 500
    assert 1 < far.most <= MAX_CONNECTIONS


async def test_a_url_bounds_the_pool(own_server: Server, far: Distance) -> None:
    url = f"redis://127.0.0.1:{far.port}?max_connections=3"
    async with RedisStore(url, timeout=TIMEOUT) as store:
        assert await write_at_once(store, 500) == []
        assert far.most == 3
        assert await asyncio.to_thread(write_in_threads, store, 100) == []
        assert far.most <= 6
    assert count_sessions(own_server) == 500


async def test_a_server_that_allows_few_clients(own_server: Server, far: Distance) -> None:
    with own_server.client() as client:
        client.config_set("maxclients", 12)
        try:
            async with RedisStore(f"redis://127.0.0.1:{far.port}", timeout=TIMEOUT) as store:
                assert await write_at_once(store, 40) == []
            with RedisStore(f"redis://127.0.0.1:{far.port}", timeout=TIMEOUT) as store:
                assert await asyncio.to_thread(write_in_threads, store, 25) == []
        finally:
            client.config_set("maxclients", 10_000)
    assert count_sessions(own_server) == 40


POOLS: dict[str, Callable[[int], Any]] = {
    "pool": lambda port: redis.asyncio.ConnectionPool(port=port, max_connections=5),
    "blocking pool": lambda port: redis.asyncio.BlockingConnectionPool(port=port, max_connections=5, timeout=1),
    "pool without a bound": lambda port: redis.asyncio.ConnectionPool(port=port, max_connections=2**31),
}


@pytest.mark.parametrize("kind", POOLS)
async def test_a_given_asynchronous_client(own_server: Server, far: Distance, kind: str) -> None:
    async with redis.asyncio.Redis(connection_pool=POOLS[kind](far.port)) as client:
        assert await write_at_once(RedisStore(async_client=client, timeout=TIMEOUT), 500) == []
        await client.connection_pool.disconnect()
    assert count_sessions(own_server) == 500
    assert far.most <= (MAX_CONNECTIONS if "without" in kind else 5)


async def test_a_given_pool_that_others_use_as_well(own_server: Server, far: Distance) -> None:
    pool = redis.asyncio.ConnectionPool(port=far.port, max_connections=4)
    async with redis.asyncio.Redis(connection_pool=pool) as client:
        stores = [RedisStore(async_client=client, key_prefix=f"{name}:", timeout=TIMEOUT) for name in "ab"]
        assert await asyncio.gather(*(write_at_once(store, 60) for store in stores)) == [[], []]
        await pool.disconnect()
    assert far.most <= 4


async def test_a_given_client_in_threads(own_server: Server, far: Distance) -> None:
    pool = redis.ConnectionPool(port=far.port, max_connections=20)
    with redis.Redis(connection_pool=pool) as client:
        async with RedisStore(client=client, timeout=TIMEOUT) as store:
            assert await write_at_once(store, 500) == []
            assert await asyncio.to_thread(write_in_threads, store, 100) == []
        pool.disconnect()
    assert far.most <= 20


async def test_a_cluster(backends: Backends) -> None:
    url = f"{backends.cluster().url}?max_connections=4"
    async with RedisStore(url, key_prefix="burst:", timeout=TIMEOUT) as store:
        assert await write_at_once(store, 300) == []
        assert await asyncio.to_thread(write_in_threads, store, 60) == []


async def test_upstash(backends: Backends) -> None:
    async with UpstashStore(backends.upstash().url, TOKEN, key_prefix="burst:", timeout=TIMEOUT) as store:
        assert await write_at_once(store, 150) == []
        assert await asyncio.to_thread(write_in_threads, store, 60) == []


async def test_who_waits_in_vain_has_sent_nothing_and_says_so(own_server: Server) -> None:
    url = f"redis://127.0.0.1:{own_server.port}?max_connections=1"
    # Each by itself, as a batch needs one connection for all.
    store, patient = RedisStore(url, timeout=0.5, batch=False), RedisStore(url, timeout=TIMEOUT)
    await write_at_once(store, 1)
    with own_server.client() as client:
        client.flushall()
        client.client_pause(5000, all=False)  # writes alone, or the end of the pause would wait for it as well
        # So many that most of them get no connection in half a second, however fast or slow the machine is.
        raised = await write_at_once(store, 50)
        in_threads = await asyncio.to_thread(write_in_threads, store, 50)
        client.client_unpause()
    for errors in (raised, in_threads):
        assert len(errors) == 50
        crowded = [error for error in errors if isinstance(error.__cause__, CrowdedError)]
        assert all("no connection to Redis at" in str(error) for error in crowded)
        # Some had an attempt that was sent and not answered.
        assert {error.may_have_happened for error in crowded if isinstance(error, StoreUnavailableError)} >= {False}
    assert await write_at_once(patient, 5) == []
    for each in (store, patient):
        await each.aclose()


@pytest.mark.parametrize("count", [90, 200])
async def test_a_server_that_stands_still_for_a_moment(own_server: Server, count: int) -> None:
    with own_server.client() as client:
        async with RedisStore(own_server.url, timeout=TIMEOUT) as store:
            for write in (write_at_once, lambda *args: asyncio.to_thread(write_in_threads, *args)):
                sleeping = threading.Thread(target=lambda: client.execute_command("DEBUG", "SLEEP", "1"))
                sleeping.start()
                assert await write(store, count) == []
                sleeping.join()


async def test_an_asynchronous_gate_loses_no_place() -> None:
    gate = AsyncGate(1)
    await gate.enter(0)
    with pytest.raises(CrowdedError):
        await gate.enter(time.monotonic() - 1)
    waiting = [asyncio.create_task(gate.enter(time.monotonic() + TIMEOUT)) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.sleep(0)
    gate.leave()
    waiting[1].cancel()  # just as it is let in
    await asyncio.wait(waiting[:2])
    await asyncio.wait_for(waiting[2], TIMEOUT)
    assert [task.cancelled() for task in waiting] == [True, True, False]
    gate.leave()
    await gate.enter(0)


def test_a_gate_lets_in_as_many_as_it_is_wide() -> None:
    gate = Gate(2)
    gate.enter(0)
    gate.enter(0)
    with pytest.raises(CrowdedError):
        gate.enter(time.monotonic() + 0.01)
    gate.leave()
    gate.enter(0)


def test_threads_pass_a_gate_in_the_order_in_which_they_came() -> None:
    gate, passed = Gate(1), []
    gate.enter(0)

    def use(number: int) -> None:
        gate.enter(time.monotonic() + TIMEOUT)
        passed.append(number)
        gate.leave()

    def is_in_line(number: int) -> bool:
        return len(gate._waiting) > number

    threads = [threading.Thread(target=use, args=(number,)) for number in range(20)]
    for number, thread in enumerate(threads):
        thread.start()
        wait_until(partial(is_in_line, number))
    gate.leave()
    for thread in threads:
        thread.join()
    assert passed == list(range(20))
    gate.enter(0)


async def test_tasks_pass_a_gate_in_their_order_and_are_woken_once() -> None:
    gate, passed = AsyncGate(1), []
    await gate.enter(0)

    async def use(number: int) -> None:
        await gate.enter(time.monotonic() + TIMEOUT)
        passed.append(number)
        gate.leave()

    tasks = [asyncio.create_task(use(number)) for number in range(20)]
    await asyncio.sleep(0)
    gate.leave()
    for number in range(20):
        await asyncio.sleep(0)  # one turn of the loop for each
        assert passed == list(range(number + 1))
    await asyncio.gather(*tasks)
    await gate.enter(0)


def test_an_interruption_of_a_thread_that_waits_loses_no_place() -> None:
    gate = Gate(1)
    gate.enter(0)

    class Interrupted:
        """A lock on which Ctrl-C comes, just after the place was given."""

        def __init__(self) -> None:
            self.is_taken = False

        def acquire(self, timeout: float = -1) -> bool:
            if self.is_taken:
                assert timeout >= 0
                gate.leave()
                raise KeyboardInterrupt
            self.is_taken = True
            return True

        def release(self) -> None:
            pass

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading, "Lock", Interrupted)
        with pytest.raises(KeyboardInterrupt):
            gate.enter(time.monotonic() + TIMEOUT)
    gate.enter(0)
