"""`RedisStore`: the ways to a server, and what its own connections do."""

from __future__ import annotations

import asyncio
import gc
import importlib
import socket
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
import redis
import redis.asyncio
from redis.sentinel import Sentinel

from sessionkit_integrations import RedisStore, SessionManager, StoreError, StoreUnavailableError
from tests.faults.helpers.framing import Resp
from tests.faults.helpers.proxy import DROP, Faults, FaultyProxy
from tests.servers import Server, free_port
from tests.tls import TLSFront

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.backends import Backends

    Call = Callable[..., Any]

HELLO = [{"role": "user", "content": "Hello"}]


def works(store: RedisStore, call: Call) -> None:
    sessions = SessionManager(store=store)
    call(sessions, "reset_session", "works")
    call(sessions, "add_user_message", "works", "Hello")
    assert call(sessions, "get_session", "works") == HELLO
    assert "works" in list(sessions.list_sessions())
    call(sessions, "close")


@pytest.fixture(scope="module")
def guarded(backends: Backends) -> Iterator[Server]:
    """A server with passwords, an ACL user and a Unix socket."""
    server = Server(backends.binary("redis-8.2"))
    socket_path = server.folder / "redis.sock"
    server.arguments = ("--unixsocket", str(socket_path))
    server.start()
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "app", "on", ">s3cret", "~*", "+@all")
        client.execute_command("CONFIG", "SET", "requirepass", "hunter2")
    yield server
    server.stop()


def test_by_host_and_port(redis_server: Server, call: Call) -> None:
    works(RedisStore(host="127.0.0.1", port=redis_server.port), call)


def test_by_url_with_user_and_password(guarded: Server, call: Call) -> None:
    works(RedisStore(f"redis://app:s3cret@127.0.0.1:{guarded.port}/0"), call)


def test_by_user_and_password_beside_the_address(guarded: Server, call: Call) -> None:
    works(RedisStore(host="127.0.0.1", port=guarded.port, username="app", password="s3cret"), call)  # noqa: S106


def test_by_unix_socket(guarded: Server, call: Call) -> None:
    works(RedisStore(f"unix://:hunter2@{guarded.folder}/redis.sock"), call)


def test_by_unix_socket_and_manager_url(guarded: Server) -> None:
    with SessionManager.from_url(f"unix://:hunter2@{guarded.folder}/redis.sock?db=0&key_prefix=unix:") as sessions:
        sessions.add_user_message("s", "Hello")
        assert sessions.get_session("s") == HELLO
        sessions.reset_session("s")


def test_by_environment(guarded: Server, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{guarded.port}")
    monkeypatch.setenv("REDIS_PASSWORD", "hunter2")
    works(RedisStore.from_env(key_prefix="env:"), call)


def test_over_tls(redis_server: Server, tmp_path: Path, call: Call) -> None:
    front = TLSFront(redis_server.port, tmp_path)
    works(RedisStore(f"rediss://localhost:{front.port}?ssl_ca_certs={front.authority}"), call)
    front.stop()


def test_by_manager_url_with_options(redis_server: Server, call: Call) -> None:
    url = f"{redis_server.url}/0?socket_keepalive=true&key_prefix=url:&ttl=100&archive=true"
    with SessionManager.from_url(url, 1) as sessions, redis_server.client() as client:
        call(sessions, "send_messages", "s", [*HELLO, *HELLO])
        assert [0 < client.ttl(key) <= 100 for key in ("url:s", "{url:s}:meta", "{url:s}:archive")] == [True] * 3
        call(sessions, "reset_session", "s")
        assert client.keys("url:s*") == client.keys("*url:s}:archive") == []
        assert 0 < client.ttl("{url:s}:meta") <= 60  # which for a while knows that this was done
        call(sessions, "close")


@pytest.mark.parametrize("decode_responses", [False, True])
@pytest.mark.parametrize("protocol", [2, 3])
def test_a_given_client_is_used_and_left_open(
    redis_server: Server, call: Call, decode_responses: bool, protocol: int
) -> None:
    with redis_server.client(decode_responses=decode_responses, protocol=protocol) as client:
        works(RedisStore(client=client), call)
        assert client.ping()


@pytest.mark.skipif(not hasattr(redis, "cache"), reason="this redis-py has no client-side caching")
def test_a_given_client_may_have_a_cache(redis_server: Server) -> None:
    config = importlib.import_module("redis.cache").CacheConfig()
    with redis.Redis(port=redis_server.port, protocol=3, cache_config=config) as client:
        works(RedisStore(client=client), lambda target, method, *args: getattr(target, method)(*args))


async def test_a_given_asynchronous_client_is_used_and_left_open(redis_server: Server) -> None:
    async with redis.asyncio.Redis(port=redis_server.port) as client:
        store = RedisStore(async_client=client)
        async with SessionManager(store=store) as sessions:
            await sessions.areset_session("s")
            await sessions.aadd_user_message("s", "Hello")
            assert await sessions.aget_session("s") == HELLO
            with pytest.raises(TypeError, match="only an async_client"):
                sessions.get_session("s")
        assert await client.ping()


def test_given_cluster_clients(backends: Backends, call: Call) -> None:
    with backends.cluster().client() as client:
        works(RedisStore(client=client, key_prefix="given:"), call)


async def test_given_asynchronous_cluster_clients(backends: Backends) -> None:
    node = backends.cluster().nodes[0]
    async with redis.asyncio.RedisCluster(host="127.0.0.1", port=node.port) as client:
        sessions = SessionManager(store=RedisStore(async_client=client, key_prefix="agiven:"))
        names = {f"s{number}" for number in range(20)}
        for name in names:
            await sessions.aadd_user_message(name, "Hello")
        assert {name async for name in sessions.alist_sessions()} == names


def test_sessions_of_a_cluster_are_spread_over_all_primaries(backends: Backends, call: Call) -> None:
    cluster = backends.cluster()
    sessions = SessionManager(store=RedisStore(cluster.url, key_prefix="spread:", archive=True))
    for number in range(60):
        call(sessions, "add_user_message", f"s{number}", "Hello")
    counts = []
    for node in cluster.nodes:
        with node.client() as client:
            counts.append(len(list(client.scan_iter("spread:*"))))
    assert sum(counts) == 60
    assert min(counts) > 0
    assert sorted(sessions.list_sessions()) == sorted(f"s{number}" for number in range(60))
    call(sessions, "close")


def test_clients_of_a_sentinel(backends: Backends, call: Call) -> None:
    primary = backends.server("redis-6.2")
    sentinel = Server(primary.binary)
    config = sentinel.folder / "sentinel.conf"
    config.write_text(f"sentinel monitor chats 127.0.0.1 {primary.port} 1\n")
    sentinel.arguments = (str(config), "--sentinel")
    sentinel.start()
    found = Sentinel([("127.0.0.1", sentinel.port)], socket_timeout=2)
    client = found.master_for("chats", socket_timeout=2)
    works(RedisStore(client=client), call)
    client.close()
    for each in found.sentinels:
        each.close()
    sentinel.stop()


def test_nothing_is_connected_before_the_first_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        sessions = SessionManager(store=RedisStore(port=listener.getsockname()[1]))
        sessions.close()
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_an_unreachable_server_is_a_typed_error(call: Call) -> None:
    sessions = SessionManager(store=RedisStore(port=free_port()))
    with pytest.raises(StoreUnavailableError) as raised:
        call(sessions, "add_user_message", "s", "Hello")
    assert raised.value.may_have_happened is False
    assert isinstance(raised.value.__cause__, redis.ConnectionError)
    call(sessions, "close")


async def test_the_cause_is_the_drivers_where_the_operation_ended_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sessionkit_integrations.stores.redis.store._WAIT_SHARE", 100)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with RedisStore(port=listener.getsockname()[1], timeout=0.3) as store:
            with pytest.raises(StoreUnavailableError) as raised:
                await store.aread("s")
    assert isinstance(raised.value.__cause__, redis.TimeoutError)


def test_a_server_that_never_answers_is_a_typed_error_in_the_end(call: Call) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sessions = SessionManager(store=RedisStore(port=listener.getsockname()[1], timeout=0.3))
        with pytest.raises(StoreUnavailableError) as raised:
            call(sessions, "add_user_message", "s", "Hello")
        assert isinstance(raised.value.__cause__, redis.TimeoutError)
        call(sessions, "close")


def test_an_append_that_loses_every_reply_says_that_it_may_have_happened(redis_server: Server, call: Call) -> None:
    faults = Faults(0, {DROP: 1})
    with FaultyProxy(redis_server.port, Resp(), faults) as proxy:
        sessions = SessionManager(store=RedisStore(port=proxy.port, key_prefix="lost:"))
        faults.active = False
        call(sessions, "reset_session", "s")
        faults.active = True
        with pytest.raises(StoreUnavailableError) as raised:
            call(sessions, "add_user_message", "s", "Hello")
        assert raised.value.may_have_happened is True
        faults.active = False
        assert call(sessions, "get_session", "s") == HELLO
        call(sessions, "close")


def test_wrong_passwords_are_typed_errors_and_never_shown(guarded: Server, call: Call) -> None:
    store = RedisStore(f"redis://:wr0ng@127.0.0.1:{guarded.port}")
    with pytest.raises(StoreError) as raised:
        call(SessionManager(store=store), "get_session", "s")
    assert not isinstance(raised.value, StoreUnavailableError)
    assert "wr0ng" not in f"{raised.value!r}{raised.value}{store!r}{SessionManager(store=store)!r}"
    call(store, "close")


def test_each_event_loop_has_its_own_client_which_ends_with_it(redis_server: Server) -> None:
    sessions = SessionManager(store=RedisStore(redis_server.url, key_prefix="loops:"))

    async def use() -> list[Any]:
        await sessions.aadd_user_message("s", "Hello")
        return [await sessions.aget_session("s") for _ in range(3)]

    with redis_server.client() as client:
        before = int(client.info("clients")["connected_clients"])
        for _ in range(10):
            asyncio.run(use())
        gc.collect()
        assert int(client.info("clients")["connected_clients"]) <= before + 1
        sessions.reset_session("s")
    sessions.close()


def test_threads_each_with_an_event_loop(redis_server: Server) -> None:
    sessions = SessionManager(1000, RedisStore(redis_server.url, key_prefix="threads:"))
    sessions.reset_session("s")

    async def use() -> None:
        for _ in range(5):
            await sessions.aadd_user_message("s", "Hello")

    threads = [threading.Thread(target=asyncio.run, args=(use(),)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sessions.get_session("s") == HELLO * 40
    sessions.close()


@pytest.mark.parametrize(
    "url", ["http://localhost", "redis://user:pa/ss@localhost", "redis://localhost?memory_window=4"]
)
def test_wrong_urls_are_refused_at_once_and_not_shown(url: str) -> None:
    with pytest.raises(ValueError, match="Redis URL") as raised:
        SessionManager.from_url(url) if url.startswith("redis") else RedisStore(url)
    assert "pa" not in str(raised.value).replace("password", "")


def test_an_unreachable_cluster_is_a_typed_error(call: Call) -> None:
    store = RedisStore(f"redis+cluster://127.0.0.1:{free_port()}")
    sessions = SessionManager(store=store)
    with pytest.raises(StoreUnavailableError):
        call(sessions, "get_session", "s")
    with pytest.raises(StoreUnavailableError):
        list(sessions.list_sessions())


async def test_cancelled_tasks_end(redis_server: Server) -> None:
    async with SessionManager(store=RedisStore(redis_server.url, key_prefix="cancel:")) as sessions:
        given_up = False

        async def write_for_ever() -> None:
            while not given_up:
                await sessions.aadd_user_message("s", "x")

        tasks = [asyncio.create_task(write_for_ever()) for _ in range(5)]
        await asyncio.sleep(0.2)
        for task in tasks:
            task.cancel()
        done, _ = await asyncio.wait(tasks, timeout=20)
        given_up = True
        await asyncio.wait(tasks)
        if sys.version_info >= (3, 11):  # before, a task cannot tell that it is being cancelled
            assert len(done) == 5
        await sessions.areset_session("s")
