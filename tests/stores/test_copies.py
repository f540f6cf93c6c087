"""Copies and pickles of stores and sessions are on the same sessions, hold no secrets, or are refused."""

from __future__ import annotations

import copy
import gc
import pickle
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import redis

from sessionkit_integrations import (
    InMemoryStore,
    RedisStore,
    SessionManager,
    SQLiteStore,
    Store,
    StoreError,
    UpstashStore,
    Window,
)
from sessionkit_integrations.sessions.descriptions import describe, restore
from sessionkit_integrations.stores.urls import store_from_url

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.servers import Server

READ = """
import pickle, sys
sessions = pickle.loads(sys.stdin.buffer.read())
print(sessions.get_session("s"), sessions.window, sessions.max_message_bytes, sessions.store.archive)
"""


def pickled_and_back(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))  # noqa: S301 - our own


ways = pytest.mark.parametrize("way", [pickled_and_back, copy.copy, copy.deepcopy])


@ways
def test_a_copy_in_the_same_process_is_the_same(way: Callable[[Any], Any], store: Store) -> None:
    sessions = SessionManager(3, store)
    assert way(store) is store
    assert way(sessions) is sessions
    assert restore(describe(sessions)) is sessions


def in_another_process(value: object, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", READ]
    done = subprocess.run(command, input=pickle.dumps(value), capture_output=True, timeout=60, env=environment)  # noqa: S603, PLW1510
    return subprocess.CompletedProcess(command, done.returncode, done.stdout.decode(), done.stderr.decode())


def test_another_process_finds_the_same_sessions(tmp_path: Path, redis_server: Server) -> None:
    for store in (SQLiteStore(tmp_path / "a b#?%.db", archive=True), RedisStore(redis_server.url, archive=True)):
        with SessionManager(Window(3, 50), store, max_message_bytes=1000) as sessions:
            sessions.reset_session("s")
            sessions.add_user_message("s", "Hello")
            done = in_another_process(sessions)
            expected = f"{sessions.get_session('s')} {Window(3, 50)} 1000 True"
            assert (done.returncode, done.stdout.strip()) == (0, expected), done.stderr
            sessions.reset_session("s")


def test_what_is_in_one_process_only_is_refused_in_another() -> None:
    for store in (InMemoryStore(), RedisStore(client=redis.Redis())):
        done = in_another_process(SessionManager(3, store))
        assert done.returncode == 1
        assert (
            f"StoreError: a {type(store).__name__} that no URL describes is of no use in another process" in done.stderr
        )
    with pytest.raises(StoreError, match="in one process only"):
        restore({**describe(SessionManager()), "identity": "x"})


def test_a_store_that_is_gone_is_refused() -> None:
    pickled = pickle.dumps(InMemoryStore())
    gc.collect()
    with pytest.raises(StoreError, match="in another process"):
        pickle.loads(pickled)  # noqa: S301 - our own


PASSWORD: Any = {"password": "s3cret"}
URLS: list[tuple[Callable[[], Store], str, bool]] = [
    (lambda: SQLiteStore("/a b/c.db"), "sqlite:////a%20b/c.db", False),
    (lambda: SQLiteStore("/a.db", ttl=1.5, archive=True), "sqlite:////a.db?ttl=1.5&archive=true", False),
    (lambda: SQLiteStore("/a.db", search=True), "sqlite:////a.db?search=true", False),
    (lambda: RedisStore("redis://h:1/2?protocol=3"), "redis://h:1/2?protocol=3", False),
    (lambda: RedisStore("redis://h", key_prefix="a:", timeout=9.0), "redis://h?key_prefix=a%3A&timeout=9.0", False),
    (lambda: RedisStore("rediss://ada:s3cret@h/2", raw_ids=True), "rediss://ada@h/2?raw_ids=true", True),
    (lambda: RedisStore("redis://h?password=s3cret"), "redis://h", True),
    (lambda: RedisStore("redis+cluster://:s3cret@h"), "redis+cluster://h", True),
    (lambda: RedisStore("unix://:s3cret@/tmp/x?db=1"), "unix:///tmp/x?db=1", True),
    (lambda: RedisStore(host="::1", username="a b", **PASSWORD), "redis://a%20b@[::1]:6379", True),
    (lambda: UpstashStore("https://x.upstash.io", "s3cret", ttl=60), "upstash://x.upstash.io?ttl=60.0", False),
]


@pytest.mark.parametrize(("make", "url", "needs_password"), URLS)
def test_a_url_describes_a_store_without_its_secrets(
    make: Callable[[], Store], url: str, needs_password: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make()
    assert store.describe_url() == (url, needs_password)
    assert b"s3cret" not in pickle.dumps(store)
    assert "s3cret" not in str(describe(SessionManager(store=store)))
    monkeypatch.setenv("UPSTASH_REDIS_REST_TOKEN", "s3cret")
    assert store_from_url(url).describe_url() == (url, False)


@pytest.mark.parametrize(
    "store",
    [
        RedisStore(client=redis.Redis()),
        RedisStore("rediss://h?ssl_password=s3cret"),
        UpstashStore("http://localhost:1", "s3cret"),
        InMemoryStore(),
    ],
)
def test_no_url_describes_some_stores(store: Store) -> None:
    assert store.describe_url() is None
    assert b"s3cret" not in pickle.dumps(store)


def test_a_password_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    sessions = SessionManager(3, RedisStore("redis://ada:s3cret@h:1/2", archive=True))
    described = {**describe(sessions), "identity": "x"}
    monkeypatch.delenv("REDIS_PASSWORD", raising=False)
    with pytest.raises(StoreError, match="set REDIS_PASSWORD"):
        restore(described)
    monkeypatch.setenv("REDIS_PASSWORD", "p@ss/w:rd?#")
    store: Any = restore(described).store
    assert store.describe_url() == ("redis://ada@h:1/2?archive=true", True)
    assert store._login == {"username": "ada", "password": "p@ss/w:rd?#"}


def test_a_description_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="must have identity, url"):
        restore({})


class Named(SessionManager):
    """Somebody's own kind of sessions."""

    name = "none"


def test_a_subclass_keeps_what_it_holds() -> None:
    sessions = Named(3)
    sessions.name = "given"
    pickled = pickle.dumps(sessions)
    store = sessions.store
    del sessions
    gc.collect()
    again = pickle.loads(pickled)  # noqa: S301 - our own
    assert (type(again), again.name, again.window, again.store) == (Named, "given", Window(3), store)
    again.add_user_message("s", "Hello")
    assert len(again.get_session("s")) == 1
