"""A server's refusal is a typed error with its cause, says what to do, and leaves every key as it was."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import redis
import redis.asyncio
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from sessionkit_integrations import Edit, RedisStore, SessionManager, StoreError, StoreUnavailableError, UpstashStore
from sessionkit_integrations.records.record import Record
from sessionkit_integrations.testing.surface import wait_until
from sessionkit_integrations.window.turns import Window
from tests.faults.helpers.framing import Http, Resp
from tests.faults.helpers.proxy import DROP, PASS, Faults, FaultyProxy
from tests.servers import Server
from tests.upstash_rest import TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.backends import Backends

    Call = Callable[..., Any]

TIMEOUT = 0.5
RECORD = Record(b'{"role":"user","content":"Hello"}')
HELLO = [{"role": "user", "content": "Hello"}]
WRITES: dict[str, tuple[Any, ...]] = {
    "append": ("s", [RECORD], Window(3), "of the append"),
    "replace": ("s", Edit(active=(RECORD, RECORD)), None, "of the replace"),
}


def dump(client: redis.Redis, store: RedisStore) -> dict[bytes, Any]:
    """Return all that a server holds of a store, as it holds it: other tests' keys may expire meanwhile."""
    return {key: client.dump(key) for key in client.scan_iter(f"*{store.keys.prefix}*")}


def refused(
    client: redis.Redis, call: Call, store: RedisStore, pattern: str, *, methods: Iterable[str] = WRITES
) -> list[StoreError]:
    """Assert that writes are refused with a text like this, and change nothing; return the errors."""
    before = dump(client, store)
    errors = []
    for method in methods:
        with pytest.raises(StoreError, match=pattern) as raised:
            call(store, method, *WRITES[method])
        assert isinstance(raised.value.__cause__, RedisError)
        assert getattr(raised.value, "may_have_happened", False) is False
        errors.append(raised.value)
    assert dump(client, store) == before
    return errors


@contextmanager
def configured(client: redis.Redis, name: str, value: int) -> Iterator[None]:
    before: Any = client.config_get(name)[name]
    client.config_set(name, value)
    try:
        yield
    finally:
        client.config_set(name, before)


@pytest.fixture
def client(server: Server) -> Iterator[redis.Redis]:
    with server.client() as opened:
        yield opened


@pytest.fixture
def store(server: Server) -> Iterator[RedisStore]:
    """A store that has a session."""
    opened = RedisStore(server.url, key_prefix="refused:", archive=True, timeout=TIMEOUT)
    opened.delete("s")
    opened.append("s", [RECORD], Window(3), "first")
    yield opened
    opened.delete("s")
    opened.close()


def test_a_server_without_memory(client: redis.Redis, store: RedisStore, call: Call) -> None:
    with configured(client, "maxmemory", 1):
        # An edit begins with freeing what it replaces, after which Redis lets a script write.
        for error in refused(client, call, store, "no room left", methods=["append"]):
            assert not isinstance(error, StoreUnavailableError)
        assert call(store, "read", "s").records == (RECORD,)
    call(store, "append", "s", [RECORD], Window(3), "of the append")
    assert len(call(store, "read", "s").records) == 2
    call(store, "close")


def test_a_replica_is_read_and_not_written(server: Server, client: redis.Redis, store: RedisStore, call: Call) -> None:
    replica = Server(server.binary, "--replicaof", "127.0.0.1", str(server.port))
    client.config_set("repl-diskless-sync-delay", 0)
    replica.start()
    try:
        copy = RedisStore(replica.url, key_prefix="refused:", timeout=TIMEOUT)
        with replica.client() as reader:
            while reader.info("replication")["master_link_status"] != "up":
                time.sleep(0.02)
            client.wait(1, 5000)
            for error in refused(reader, call, copy, f"{replica.port} cannot do .* connect to its primary"):
                assert isinstance(error, StoreUnavailableError)
        assert call(copy, "read", "s").records == (RECORD,)
        call(copy, "close")
    finally:
        replica.stop()


def test_a_wrong_password(server: Server, client: redis.Redis, call: Call) -> None:
    store = RedisStore(f"redis://nobody:wr0ng@127.0.0.1:{server.port}", timeout=TIMEOUT)
    for error in refused(client, call, store, f"{server.port} refused the user name or the password"):
        assert not isinstance(error, StoreUnavailableError)
        assert "wr0ng" not in f"{error!r}{error}"
    call(store, "close")


def test_a_user_without_rights(server: Server, client: redis.Redis, store: RedisStore, call: Call) -> None:
    client.execute_command("ACL", "SETUSER", "reader", "on", ">s3cret", "~*", "+@read", "+@connection")
    limited = RedisStore(f"redis://reader:s3cret@127.0.0.1:{server.port}", key_prefix="refused:", timeout=TIMEOUT)
    for error in refused(client, call, limited, "no permissions"):
        assert not isinstance(error, StoreUnavailableError)
    assert call(limited, "read", "s").records == (RECORD,)
    call(limited, "close")
    client.execute_command("ACL", "DELUSER", "reader")


def test_a_server_that_is_busy_with_a_script(
    server: Server, client: redis.Redis, store: RedisStore, call: Call
) -> None:
    def loop() -> None:
        with server.client() as other, pytest.raises(RedisError, match="killed"):
            other.eval("while true do end", 0)

    with configured(client, "lua-time-limit", 10):
        thread = threading.Thread(target=loop)
        thread.start()
        try:
            wait_until(lambda: refuses_with(client, "BUSY"))
            for method, arguments in WRITES.items():
                with pytest.raises(StoreUnavailableError, match="BUSY") as raised:
                    call(store, method, *arguments)
                assert raised.value.may_have_happened is False
        finally:  # or all later tests on the server fail as well
            client.script_kill()
            thread.join()
    assert call(store, "read", "s").records == (RECORD,)
    call(store, "append", "s", [RECORD], Window(3), "of the append")
    call(store, "close")


@pytest.fixture
def reloading(redis_server: Server) -> Iterator[Server]:
    server = Server(redis_server.binary, "--enable-debug-command", "yes").start()
    yield server
    server.stop()


def test_a_server_that_is_loading_is_waited_for(reloading: Server, call: Call) -> None:
    with reloading.client(retry=Retry(NoBackoff(), 0)) as client, reloading.client(socket_timeout=60) as other:
        client.config_set("loading-process-events-interval-bytes", 1024)
        client.config_set("key-load-delay", 500)
        client.mset({f"key{number}": "x" * 100 for number in range(4000)})
        patient = SessionManager(store=RedisStore(reloading.url, timeout=20))
        hurried = SessionManager(store=RedisStore(reloading.url, timeout=TIMEOUT))
        for sessions in (patient, hurried):
            call(sessions, "add_user_message", "connected", "Hello")
        thread = threading.Thread(target=lambda: other.execute_command("DEBUG", "RELOAD"))
        thread.start()
        while not refuses_with(client, "LOADING"):
            assert thread.is_alive()
        with pytest.raises(StoreUnavailableError, match="cannot do append now") as raised:
            call(hurried, "add_user_message", "s", "never there")
        assert raised.value.may_have_happened is False
        call(patient, "add_user_message", "s", "Hello")
        assert call(patient, "get_session", "s") == HELLO
        thread.join()
        for sessions in (patient, hurried):
            call(sessions, "close")


def refuses_with(client: redis.Redis, code: str) -> bool:
    try:
        client.ping()
    except redis.exceptions.BusyLoadingError:
        return code == "LOADING"
    except RedisError as error:
        return code in str(error)
    return False


class InOrder(Faults):
    """Faults that come one after the other, and then none."""

    def __init__(self, names: list[str], answers: dict[str, tuple[bool, bytes]]) -> None:
        super().__init__(0, {PASS: 1}, answers=answers)
        self._names = names

    def next(self) -> str:
        return self._names.pop(0) if self.active and self._names else PASS


FULL = {"full": (False, b"-OOM command not allowed when used memory > 'maxmemory'.\r\n")}
GIVEN: dict[str, Callable[[int], Any]] = {
    "ours": lambda port: {"url": f"redis://127.0.0.1:{port}"},
    "a default redis.Redis()": lambda port: {"client": redis.Redis(port=port)},
}


@pytest.mark.parametrize("way", GIVEN)
def test_a_refusal_after_a_lost_reply_says_that_it_may_have_happened(redis_server: Server, way: str) -> None:
    """Clients that try again by themselves show the refusal only."""
    faults = InOrder([PASS, DROP, *["full"] * 20], FULL)
    with FaultyProxy(redis_server.port, Resp(), faults) as proxy:
        options = GIVEN[way](proxy.port)
        store = RedisStore(**options, key_prefix="hidden:")
        store.delete("s")
        with pytest.raises(StoreUnavailableError) as raised:
            store.append("s", [RECORD], Window(3), "operation")
        assert raised.value.may_have_happened is True
        faults.active = False
        assert store.read("s").records == (RECORD,)
        store.close()
        if "client" in options:
            options["client"].close()


TOO_MANY = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: %s\r\nContent-Length: 0\r\n\r\n"
"""Retry-After is in whole seconds, or a date."""


@pytest.mark.parametrize(("after", "tried"), [(b"0", 5), (b"60", 1), (b"Wed, 21 Oct 2015 07:28:00 GMT", 5)])
def test_upstash_is_left_alone_for_as_long_as_it_wants(
    backends: Backends, call: Call, after: bytes, tried: int
) -> None:
    faults = Faults(0, {"too many": 1}, answers={"too many": (False, TOO_MANY % after)})
    with FaultyProxy(int(backends.upstash().url.rpartition(":")[2]), Http(), faults) as proxy:
        store = UpstashStore(f"http://127.0.0.1:{proxy.port}", TOKEN)
        with pytest.raises(StoreUnavailableError, match="too many requests") as raised:
            call(store, "append", "s", [RECORD], Window(3), "operation")
        assert raised.value.may_have_happened is False
        assert faults.total == tried
        call(store, "close")
