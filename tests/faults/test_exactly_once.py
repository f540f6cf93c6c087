"""Appends through connections that lose commands and replies: each is stored once, or known to have failed."""

from __future__ import annotations

import itertools
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import redis
import redis.asyncio

from sessionkit_integrations import RedisStore, SessionManager, StoreUnavailableError, UpstashStore
from tests.faults.helpers.appending import aappend, append
from tests.faults.helpers.framing import Http, Resp
from tests.faults.helpers.proxy import ALL, CUTS, Faults, FaultyProxy
from tests.servers import Cluster
from tests.upstash_rest import TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sessionkit_integrations import Store
    from tests.backends import Backends

SEED = 20251124
WRITERS = 4
EACH = 100
TIMEOUT = 0.6  # of an operation; the faults' pause is longer than an attempt waits
KEEP_ALL = 10 * WRITERS * EACH

HTML = b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 26\r\n\r\n<h1>502 Bad Gateway</h1>\r\n"
BUSY = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 0\r\nContent-Length: 2\r\n\r\n{}"
EMPTY = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n"
HALF = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"result"'
PAGES = {
    "executed, a page with 502": (True, HTML),
    "not executed, a page with 502": (False, HTML),
    "not executed, 429": (False, BUSY),
    "executed, an empty answer": (True, EMPTY),
    "executed, half an answer": (True, HALF),
}
GARBAGE = {
    "executed, no type": (True, b"?what\r\n"),
    "executed, no number": (True, b":what\r\n"),
    "not executed, loading": (False, b"-LOADING Redis is loading the dataset in memory\r\n"),
    "not executed, failing over": (False, b"-READONLY You can't write against a read only replica.\r\n"),
}

HALF_A_REPLY = "executed, half a reply and then silence"

_numbers = itertools.count()


def redis_faults(weights: dict[str, float]) -> Faults:
    return Faults(SEED, weights | dict.fromkeys(GARBAGE, 0.5), answers=GARBAGE, pause=TIMEOUT / 2)


@contextmanager
def one_redis(backends: Backends, weights: dict[str, float]) -> Iterator[tuple[int, Faults]]:
    faults = redis_faults(weights)
    with FaultyProxy(backends.server("redis-8.2").port, Resp(), faults) as proxy:
        yield proxy.port, faults


@pytest.fixture(scope="module")
def cluster(backends: Backends) -> Iterator[Cluster]:
    """A cluster of this module's own, as its nodes are made to name the ports of proxies as theirs."""
    started = Cluster(backends.binary("redis-8.2")).start()
    yield started
    started.stop()


@contextmanager
def many_redises(cluster: Cluster, weights: dict[str, float]) -> Iterator[tuple[int, Faults]]:
    faults = redis_faults(weights)
    with ExitStack() as stack:
        proxies = [stack.enter_context(FaultyProxy(node.port, Resp(), faults)) for node in cluster.nodes]
        clients = [stack.enter_context(node.client()) for node in cluster.nodes]
        for client, proxy in zip(clients, proxies, strict=True):
            client.config_set("cluster-announce-port", proxy.port)
        ports = {proxy.port for proxy in proxies}
        while any({node[2][1] for node in client.execute_command("CLUSTER SLOTS")} != ports for client in clients):
            pass  # until all nodes have heard of it
        yield proxies[0].port, faults


@contextmanager
def rest(backends: Backends, weights: dict[str, float]) -> Iterator[tuple[str, Faults]]:
    faults = Faults(SEED, weights | dict.fromkeys(PAGES, 1), answers=PAGES, pause=TIMEOUT / 2)
    with FaultyProxy(int(backends.upstash().url.rpartition(":")[2]), Http(), faults) as proxy:
        yield f"http://127.0.0.1:{proxy.port}", faults


def own(**options: Any) -> RedisStore:
    return RedisStore(timeout=TIMEOUT, **options)


SYNC: dict[str, Callable[[ExitStack, int, str], Store]] = {
    "host and port": lambda _, port, prefix: own(host="127.0.0.1", port=port, key_prefix=prefix),
    "from_url": lambda _, port, prefix: (
        SessionManager.from_url(f"redis://127.0.0.1:{port}?key_prefix={prefix}&timeout={TIMEOUT}").store
    ),
    "a default redis.Redis()": lambda stack, port, prefix: RedisStore(
        client=stack.enter_context(redis.Redis(port=port)), key_prefix=prefix
    ),
}
"""Stores of one Redis. A default client waits for five seconds or, if it is an old one, for ever."""


SLOW_TO_RETRY = 6 <= int(redis.__version__.split(".")[0]) < 8
"""True if a default client waits for a second or more before it tries again."""


def check(store: Store, label: str, faults: Faults, each: int = EACH) -> None:
    """Append through a store, and assert that each message is there once, or is known not to be."""
    sessions = SessionManager(KEEP_ALL, store)
    outcome = append(
        lambda writer, content: sessions.add_user_message(f"s{writer}", content), writers=WRITERS, each=each
    )
    faults.active = False
    outcome.check(contents(sessions), faults, f"seed {SEED}, {label}")
    sessions.close()


async def acheck(store: Store, label: str, faults: Faults, each: int = EACH) -> None:
    """Do so asynchronously."""
    async with SessionManager(KEEP_ALL, store) as sessions:
        outcome = await aappend(
            lambda writer, content: sessions.aadd_user_message(f"s{writer}", content), writers=WRITERS, each=each
        )
        faults.active = False
        found = [each["content"] for writer in range(WRITERS) for each in await sessions.aget_session(f"s{writer}")]
        outcome.check([str(content) for content in found], faults, f"seed {SEED}, {label}")


def contents(sessions: SessionManager) -> list[str]:
    return [str(each["content"]) for writer in range(WRITERS) for each in sessions.get_session(f"s{writer}")]


@pytest.fixture
def prefix() -> str:
    return f"once{next(_numbers)}:"


@pytest.mark.parametrize("way", SYNC)
def test_redis(backends: Backends, way: str, prefix: str) -> None:
    with one_redis(backends, CUTS if "default" in way else ALL) as (port, faults), ExitStack() as stack:
        store = SYNC[way](stack, port, prefix)
        check(store, way, faults, EACH // 10 if SLOW_TO_RETRY and "default" in way else EACH)


async def test_asynchronous_redis(backends: Backends, prefix: str) -> None:
    with one_redis(backends, ALL) as (port, faults):
        await acheck(own(port=port, host="127.0.0.1", key_prefix=prefix), "asynchronous", faults)


async def test_a_default_asynchronous_client(backends: Backends, prefix: str) -> None:
    with one_redis(backends, CUTS) as (port, faults):
        async with redis.asyncio.Redis(port=port) as client:
            store = RedisStore(async_client=client, key_prefix=prefix)
            each = EACH // 10 if SLOW_TO_RETRY else EACH
            await acheck(store, "a default redis.asyncio.Redis()", faults, each)


def test_cluster(cluster: Cluster, prefix: str) -> None:
    with many_redises(cluster, ALL) as (port, faults):
        check(own(url=f"redis+cluster://127.0.0.1:{port}", key_prefix=prefix), "cluster", faults)


async def test_asynchronous_cluster(cluster: Cluster, prefix: str) -> None:
    with many_redises(cluster, ALL) as (port, faults):
        store = own(url=f"redis+cluster://127.0.0.1:{port}", key_prefix=prefix)
        # After each fault its client reads a description of all commands.
        await acheck(store, "asynchronous cluster", faults, EACH // 4)


def test_upstash(backends: Backends, prefix: str) -> None:
    with rest(backends, ALL) as (url, faults):
        check(UpstashStore(url, TOKEN, key_prefix=prefix, timeout=TIMEOUT), "Upstash", faults)


async def test_asynchronous_upstash(backends: Backends, prefix: str) -> None:
    with rest(backends, ALL) as (url, faults):
        store = UpstashStore(url, TOKEN, key_prefix=prefix, timeout=TIMEOUT)
        await acheck(store, "asynchronous Upstash", faults)


@pytest.mark.parametrize("way", SYNC)
def test_many_writers_of_one_session(backends: Backends, way: str, prefix: str) -> None:
    with one_redis(backends, CUTS) as (port, faults), ExitStack() as stack:
        store = SYNC[way](stack, port, prefix)
        sessions = SessionManager(KEEP_ALL, store)
        outcome = append(lambda _, content: sessions.add_user_message("s0", content), writers=WRITERS, each=EACH // 2)
        faults.active = False
        outcome.check(contents(sessions), faults, f"seed {SEED}, {way}, {WRITERS} writers of one session")
        sessions.close()


def test_a_connection_with_half_a_reply_serves_no_other_command(backends: Backends, call: Any, prefix: str) -> None:
    faults = Faults(SEED, {HALF_A_REPLY: 1}, answers={HALF_A_REPLY: (True, b"*3\r\n$5\r\nwrong\r\n")})
    faults.active = False
    with FaultyProxy(backends.server("redis-8.2").port, Resp(), faults) as proxy:
        sessions = SessionManager(store=own(port=proxy.port, host="127.0.0.1", key_prefix=prefix))
        call(sessions, "add_user_message", "s", "right")
        for _ in range(3):
            faults.active = True
            with pytest.raises(StoreUnavailableError):
                call(sessions, "get_session", "s")
            faults.active = False
            assert call(sessions, "get_session", "s") == [{"role": "user", "content": "right"}]
        call(sessions, "close")
        print(f"{faults.total} half replies")
