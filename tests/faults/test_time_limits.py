"""Operations end within their timeout, whatever a server does."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import redis
import redis.asyncio
from redis.backoff import NoBackoff
from redis.exceptions import RedisClusterException
from redis.retry import Retry

from sessionkit_integrations import Edit, RedisStore, StoreUnavailableError, UpstashStore
from sessionkit_integrations.stores.redis.connections import async_connections
from sessionkit_integrations.window.turns import Window
from tests.faults.helpers.stalling import Stalling
from tests.tls import TLSFront

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sessionkit_integrations import Store

TIMEOUT = 0.5
PROMISED = 4 * TIMEOUT  # with time for a slow machine; without a limit, a slow answer takes a minute and more
EDIT = Edit(active=())

RESP = b"$2000\r\n" + b"x" * 2000
HTTP = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Padding: " + b"x" * 2000

OPERATIONS: dict[str, tuple[Any, ...]] = {
    "append": ("s", [b"{}"], Window(3), "operation"),
    "read": ("s",),
    "replace": ("s", EDIT, None, "operation"),
    "delete": ("s",),
    "sessions": (),
}
SLOW = "answers a byte at a time"
SERVERS: dict[str, Callable[[bytes], Stalling]] = {
    "accepts and never answers": lambda _: Stalling(),
    SLOW: lambda answer: Stalling(answer, pause=0.05),
    "never completes a connection": lambda _: Stalling(accepts=False),
}
REDIS: dict[str, Callable[[int], RedisStore]] = {
    "host and port": lambda port: RedisStore(host="127.0.0.1", port=port, timeout=TIMEOUT),
    "url": lambda port: RedisStore(f"redis://127.0.0.1:{port}", timeout=TIMEOUT),
    "cluster": lambda port: RedisStore(f"redis+cluster://127.0.0.1:{port}", timeout=TIMEOUT),
}


@pytest.fixture(params=[name for name in SERVERS if name != SLOW])
def serve_threads(request: pytest.FixtureRequest) -> Callable[[bytes], Stalling]:
    """Without the slow one: both drivers limit each wait on a socket, and only tasks can be stopped in between."""
    chosen: Callable[[bytes], Stalling] = SERVERS[request.param]
    return chosen


@pytest.fixture(params=SERVERS)
def serve(request: pytest.FixtureRequest) -> Callable[[bytes], Stalling]:
    chosen: Callable[[bytes], Stalling] = SERVERS[request.param]
    return chosen


def use(store: Store) -> None:
    """Run all operations at once, each in a thread of its own, and assert what they come to."""
    ended: dict[str, tuple[float, BaseException | None]] = {}

    def operate(name: str) -> None:
        started = time.monotonic()
        raised = None
        try:
            result = getattr(store, name)(*OPERATIONS[name])
            if name == "sessions":
                list(result)
        except StoreUnavailableError as error:
            raised = error
        ended[name] = (time.monotonic() - started, raised)

    threads = [threading.Thread(target=operate, args=(name,), daemon=True) for name in OPERATIONS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PROMISED * 3)
    check(ended)


async def ause(store: Store) -> None:
    """Run all operations at once, as tasks."""
    ended: dict[str, tuple[float, BaseException | None]] = {}

    async def operate(name: str) -> None:
        started = time.monotonic()
        raised = None
        try:
            if name == "sessions":
                _ = [each async for each in store.asessions()]
            else:
                await getattr(store, f"a{name}")(*OPERATIONS[name])
        except StoreUnavailableError as error:
            raised = error
        ended[name] = (time.monotonic() - started, raised)

    await asyncio.wait_for(asyncio.gather(*map(operate, OPERATIONS)), PROMISED * 3)
    check(ended)


def check(ended: dict[str, tuple[float, BaseException | None]]) -> None:
    print({name: f"{seconds:.2f} s" for name, (seconds, _) in ended.items()})
    assert set(ended) == set(OPERATIONS)
    for name, (seconds, raised) in ended.items():
        assert seconds < PROMISED, name
        assert isinstance(raised, StoreUnavailableError), name
        assert "imeout" in type(raised.__cause__).__name__ or isinstance(raised.__cause__, RedisClusterException), (
            raised
        )
        assert raised.may_have_happened is False or name in {"append", "replace", "delete"}


@pytest.mark.parametrize("way", REDIS)
def test_redis(serve_threads: Callable[[bytes], Stalling], way: str) -> None:
    with serve_threads(RESP) as server:
        store = REDIS[way](server.port)
        use(store)
        store.close()


@pytest.mark.parametrize("way", REDIS)
async def test_asynchronous_redis(serve: Callable[[bytes], Stalling], way: str) -> None:
    with serve(RESP) as server:
        store = REDIS[way](server.port)
        await ause(store)
        await store.aclose()


async def test_a_default_asynchronous_client(serve: Callable[[bytes], Stalling]) -> None:
    with serve(RESP) as server:
        async with redis.asyncio.Redis(port=server.port) as client:
            await ause(RedisStore(async_client=client, timeout=TIMEOUT))


async def test_asynchronous_use_of_a_given_client(serve: Callable[[bytes], Stalling]) -> None:
    """It runs in threads, which end when the client's own time is over."""
    with (
        serve(b"") as server,
        redis.Redis(
            port=server.port, socket_timeout=1, socket_connect_timeout=1, retry=Retry(NoBackoff(), 0)
        ) as client,
    ):
        await ause(RedisStore(client=client, timeout=TIMEOUT))


def test_a_given_client_keeps_its_own_limits() -> None:
    with (
        Stalling() as server,
        redis.Redis(port=server.port, socket_timeout=TIMEOUT / 5, retry=Retry(NoBackoff(), 1)) as client,
    ):
        use(RedisStore(client=client, timeout=TIMEOUT))


@pytest.fixture
def front(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], str]]:
    """Puts TLS before a server, as before Upstash."""
    fronts: list[TLSFront] = []

    def make(port: int) -> str:
        fronts.append(TLSFront(port, tmp_path))
        monkeypatch.setenv("SSL_CERT_FILE", str(fronts[0].authority))
        return f"https://localhost:{fronts[0].port}"

    yield make
    for each in fronts:
        each.stop()


def test_upstash(serve_threads: Callable[[bytes], Stalling], front: Callable[[int], str]) -> None:
    with serve_threads(HTTP) as server:
        url = front(server.port) if server.accepts else f"http://127.0.0.1:{server.port}"
        store = UpstashStore(url, "token", timeout=TIMEOUT)
        use(store)
        store.close()


async def test_asynchronous_upstash(serve: Callable[[bytes], Stalling]) -> None:
    with serve(HTTP) as server:
        store = UpstashStore(f"http://127.0.0.1:{server.port}", "token", timeout=TIMEOUT)
        await ause(store)
        await store.aclose()


async def test_httpx_ends_a_handshake_before_the_operation_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """A handshake that is cancelled leaves its socket open."""
    limits: list[dict[str, float]] = []

    async def connect_slowly(request: httpx.Request) -> httpx.Response:
        limits.append(request.extensions["timeout"])
        await asyncio.sleep(0.6)
        raise httpx.ConnectTimeout("too slow")

    client = httpx.AsyncClient(transport=httpx.MockTransport(connect_slowly))
    monkeypatch.setattr(UpstashStore, "_open_async", lambda _store: async_connections(client))
    async with UpstashStore("https://silent.example", "token", timeout=2) as store:
        with pytest.raises(StoreUnavailableError, match="did not answer"):
            await store.aread("s")
    first, second = limits
    assert set(first.values()) == {0.8}
    assert 0 < second["connect"] <= 0.7
    assert second["read"] == 0.8
