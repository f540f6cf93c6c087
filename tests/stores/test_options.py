"""Options that cannot be are refused when a store is made, not when it is used."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import redis

from sessionkit_integrations import (
    CorruptSessionError,
    InMemoryStore,
    RedisStore,
    SessionManager,
    SQLiteStore,
    UpstashStore,
)
from sessionkit_integrations.stores.redis import reads

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers import Server

MAKERS: dict[str, Callable[..., Any]] = {
    "memory": InMemoryStore,
    "sqlite": lambda **options: SQLiteStore("chats.db", **options),
    "redis": RedisStore,
    "upstash": lambda **options: UpstashStore("https://x.upstash.io", "token", **options),
}


@pytest.mark.parametrize("ttl", [2**53, 10**400, 1e300, timedelta.max, math.inf, math.nan, "5", True])
@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_a_time_to_live_has_an_end(make: Callable[..., Any], ttl: Any) -> None:
    with pytest.raises(ValueError, match="ttl"):
        make(ttl=ttl)


@pytest.mark.parametrize("timeout", [0, -1, 10**400, math.inf, math.nan, None, "5"])
@pytest.mark.parametrize("make", [make for name, make in MAKERS.items() if name != "memory"])
def test_a_time_limit_is_a_number_above_0(make: Callable[..., Any], timeout: Any) -> None:
    with pytest.raises(ValueError, match="timeout"):
        make(timeout=timeout)


def test_whether_to_search_is_true_or_false() -> None:
    with pytest.raises(TypeError, match="search must be a bool, got int"):
        MAKERS["sqlite"](search=1)


@pytest.mark.parametrize("make", [MAKERS["redis"], MAKERS["upstash"]])
def test_whether_to_share_round_trips_is_true_or_false(make: Callable[..., Any]) -> None:
    assert make().batch is True
    with pytest.raises(TypeError, match="batch must be a bool, got str"):
        make(batch="false")


def test_a_url_says_whether_to_share_round_trips() -> None:
    assert [RedisStore.from_url(f"redis://h?batch={value}").batch for value in ("false", "true")] == [False, True]
    (url, _) = RedisStore("redis://h", batch=False).describe_url() or ("", False)
    assert url == "redis://h?batch=false"
    assert RedisStore.from_url(url).batch is False


@pytest.mark.parametrize("make", [MAKERS["memory"], MAKERS["sqlite"]])
def test_whether_to_archive_is_true_or_false(make: Callable[..., Any]) -> None:
    with pytest.raises(TypeError, match="archive must be a bool, got str"):
        make(archive="false")


@pytest.mark.parametrize("prefix", ["\ud800:", "{a}:", "a"])
def test_prefixes_that_make_no_keys(prefix: str) -> None:
    with pytest.raises(ValueError, match="key_prefix"):
        RedisStore(key_prefix=prefix)


@pytest.mark.parametrize("query", ["retry=1", "retry_on_error=1", "socket_type=3", "credential_provider=x"])
def test_options_of_redis_py_that_no_url_can_have(query: str) -> None:
    with pytest.raises(ValueError, match="option"):
        SessionManager.from_url(f"redis://localhost?{query}")


def test_what_is_not_utf_8_is_a_record_that_cannot_be_read(redis_server: Server) -> None:
    """Also by a client that decodes replies, which would fail on all records at once."""
    with redis_server.client(decode_responses=True) as client, redis_server.client() as raw:
        raw.rpush("bytes:s", b'{"role":"user","content":"x"}', b"\xff")
        store = RedisStore(client=client, key_prefix="bytes:")
        assert store.read("s").records[1] == b"\xff"
        with pytest.raises(CorruptSessionError) as raised:
            SessionManager(store=store).get_session("s")
        assert raised.value.position == 1
        raw.delete("bytes:s")


def test_the_password_of_a_given_client_is_taken_out_of_errors() -> None:
    with redis.Redis(password="hunter2") as client:  # noqa: S106 - of the test
        store = RedisStore(client=client)
        error = redis.ResponseError("unknown command 'AUTH', with args beginning with: 'hunter2'")
        failure = store._explain(error, reads.read(store._keys, "s", archived=False))
    assert "hunter2" not in f"{failure.error}{error}"


def test_a_manager_whose_constructor_raised_can_be_shown() -> None:
    with pytest.raises(TypeError) as raised:
        SessionManager(store="memory://")  # type: ignore[arg-type]
    shown = [repr(entry.locals["self"]) for entry in raised.traceback if "self" in entry.locals]
    assert "SessionManager" in shown[-1]
