"""Clients for `RedisStore` instead of an address: those of the right kind, and one thing at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import redis
import redis.asyncio
import redis.asyncio.sentinel
import redis.sentinel

from sessionkit_integrations import RedisStore, SessionManager, UpstashStore

if TYPE_CHECKING:
    from collections.abc import Callable

CLUSTER = object.__new__(redis.RedisCluster)
ASYNC_CLUSTER = object.__new__(redis.asyncio.RedisCluster)


class Valkey:
    """A client of valkey-py is not one of redis-py."""

    __module__ = "valkey.client"


WRONG: dict[str, Callable[[], object]] = {
    "pipeline": lambda: redis.Redis().pipeline(),
    "asynchronous pipeline": lambda: redis.asyncio.Redis().pipeline(),
    "pool": redis.ConnectionPool,
    "asynchronous pool": redis.asyncio.ConnectionPool,
    "blocking pool": redis.BlockingConnectionPool,
    "Sentinel": lambda: redis.sentinel.Sentinel([("localhost", 26379)]),
    "asynchronous Sentinel": lambda: redis.asyncio.sentinel.Sentinel([("localhost", 26379)]),
    "connection": redis.Connection,
    "class": lambda: redis.Redis,
    "module": lambda: redis,
    "text": lambda: "redis://localhost",
    "number": lambda: 42,
    "valkey-py": Valkey,
}

ADVICE = {
    "pipeline": "give the client that made this pipeline",
    "asynchronous pipeline": "give the client that made this pipeline",
    "pool": r"give redis\.(asyncio\.)?Redis\(connection_pool=…\) with this pool",
    "asynchronous pool": r"give redis\.(asyncio\.)?Redis\(connection_pool=…\) with this pool",
    "blocking pool": r"give redis\.(asyncio\.)?Redis\(connection_pool=…\) with this pool",
    "Sentinel": r"master_for\(name\)",
    "asynchronous Sentinel": r"master_for\(name\)",
    "class": r"give an object, as in (async_)?client=redis\.(asyncio\.)?Redis\(\)",
    "text": "give a URL as url",
    "valkey-py": "of the package redis, which is a client of Valkey as well",
}


@pytest.mark.parametrize("argument", ["client", "async_client"])
@pytest.mark.parametrize("kind", WRONG)
def test_clients_of_the_wrong_kind_are_refused_at_once(argument: str, kind: str) -> None:
    given: Any = WRONG[kind]()
    start = rf"^{argument} must be a redis\.(asyncio\.)?Redis or a .*RedisCluster, got "
    with pytest.raises(TypeError, match=f"{start}.*: .*{ADVICE.get(kind, 'give ')}"):
        RedisStore(**{argument: given})


@pytest.mark.parametrize(
    ("argument", "given", "other"),
    [
        ("client", redis.asyncio.Redis(), "async_client"),
        ("client", ASYNC_CLUSTER, "async_client"),
        ("async_client", redis.Redis(), "client"),
        ("async_client", CLUSTER, "client"),
    ],
    ids=["asynchronous", "asynchronous cluster", "synchronous", "synchronous cluster"],
)
def test_clients_in_the_other_argument_s_place_are_told_their_own(argument: str, given: Any, other: str) -> None:
    with pytest.raises(TypeError, match=f"give it as {other}$"):
        RedisStore(**{argument: given})


def test_clients_of_subclasses_are_taken() -> None:
    class Own(redis.Redis):
        pass

    class AsyncOwn(redis.asyncio.Redis):
        pass

    assert repr(RedisStore(client=Own(), async_client=AsyncOwn())).endswith("given client)")


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"client": redis.Redis(), "url": "redis://localhost"}, "url"),
        ({"client": redis.Redis(), "host": "localhost", "port": 6379}, "host, port"),
        ({"async_client": redis.asyncio.Redis(), "password": "p"}, "password"),
        ({"client": redis.Redis(), "username": "u"}, "username"),
        ({"url": "redis://localhost", "host": "elsewhere"}, "host"),
        ({"url": "redis://localhost", "port": 6380}, "port"),
        ({"url": "redis://localhost", "username": "u"}, "username"),
        ({"url": "redis://:p@localhost", "password": "q"}, "password"),
    ],
)
def test_arguments_that_contradict_each_other_are_refused(options: dict[str, Any], names: str) -> None:
    with pytest.raises(ValueError, match=f"leave out {names}$"):
        RedisStore(**options)


@pytest.mark.parametrize("options", [{"url": 42}, {"host": b"h"}, {"port": "6379"}, {"port": True}, {"password": 1}])
def test_arguments_of_the_wrong_type_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=f"^{next(iter(options))} must be a (str|int), got "):
        RedisStore(**options)


def test_a_sentinel_has_no_url() -> None:
    for scheme in ("redis+sentinel", "rediss+sentinel"):
        with pytest.raises(ValueError, match="master_for"):
            RedisStore(f"{scheme}://localhost:26379/chats")
        with pytest.raises(ValueError, match="master_for"):
            SessionManager.from_url(f"{scheme}://localhost:26379/chats?ttl=3")


def test_an_environment_without_the_variable_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REDIS_URL", raising=False)
    with pytest.raises(ValueError, match="set REDIS_URL"):
        RedisStore.from_env()
    for url, token in (("https://x.upstash.io", None), (None, "token")):
        with pytest.raises(TypeError, match="must be a str, got NoneType: is its environment variable set"):
            UpstashStore(url, token)  # type: ignore[arg-type]


def test_a_password_of_the_environment_stands_back_where_the_url_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_PASSWORD", "of the environment")
    for url, password in (("redis://:own@localhost", "own"), ("redis://app@localhost", "of the environment")):
        monkeypatch.setenv("REDIS_URL", url)
        assert RedisStore.from_env()._login["password"] == password
