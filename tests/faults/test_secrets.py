"""Passwords and tokens: in no repr, log, error, pickle, traceback or local variable of one."""

from __future__ import annotations

import asyncio
import logging
import pickle
import socket
import traceback
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import redis
import redis.asyncio
from langchain_core.load import dumps
from langchain_core.runnables import RunnableLambda
from langchain_core.runnables.history import RunnableWithMessageHistory
from llama_index.core.memory import ChatMemoryBuffer, Memory
from redis.backoff import NoBackoff
from redis.credentials import UsernamePasswordCredentialProvider
from redis.retry import Retry

import sessionkit_integrations
from sessionkit_integrations import (
    RedisStore,
    SessionKitAsyncChatStore,
    SessionKitChatMessageHistory,
    SessionKitChatStore,
    SessionManager,
    StoreError,
    UpstashStore,
)
from sessionkit_integrations.runtime.redaction import Secret, is_ambiguous, split_url
from tests.listening import Listener
from tests.servers import Server, free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.backends import Backends

    Call = Callable[..., Any]

SECRET = "hunter2-s3cret"  # noqa: S105 - what is looked for
TESTS = str(Path(__file__).parents[1])


def everything_of(error: BaseException) -> str:
    """Return all that anything may show of an error: also what it hides, and variables, as error trackers do."""
    shown: list[str] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        each = waiting.pop()
        if each is None:
            continue
        waiting += [each.__cause__, each.__context__]
        trace = each.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename.startswith(TESTS):
            trace = trace.tb_next  # the test's own variables
        shown += [str(each), repr(each), repr(each.args), *traceback.format_exception(type(each), each, trace)]
        with_variables = traceback.TracebackException(type(each), each, trace, capture_locals=True)
        shown += with_variables.format(chain=False)
    return "".join(shown) + repr(pickle.dumps(error))


@pytest.fixture(scope="module")
def guarded(backends: Backends) -> Iterator[Server]:
    server = Server(backends.binary("redis-8.2")).start()
    with server.client() as client:
        client.execute_command("CONFIG", "SET", "requirepass", "another one")
    yield server
    server.stop()


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def repeating() -> Iterator[int]:
    """The port of a server that knows no command and repeats it in its error, as old ones do with HELLO."""

    def serve(connection: socket.socket) -> None:
        words = [word for word in connection.recv(65536).split(b"\r\n") if word[:1] not in {b"*", b"$"}]
        connection.sendall(b"-ERR unknown command, with args beginning with: " + b" ".join(words) + b"\r\n")

    with Listener(serve) as listener:
        yield listener.port


WAYS: dict[str, Callable[[str], RedisStore]] = {
    "URL": lambda place: RedisStore(f"redis://app:{SECRET}@{place}", timeout=0.4),
    "URL's query": lambda place: RedisStore(f"redis://{place}?password={SECRET}", timeout=0.4),
    "cluster's URL": lambda place: RedisStore(f"redis+cluster://:{SECRET}@{place}", timeout=0.4),
    "argument": lambda place: RedisStore(
        host="127.0.0.1", port=int(place.rpartition(":")[2]), password=SECRET, timeout=0.4
    ),
    "environment": lambda place: RedisStore.from_env(timeout=0.4),
    "manager's URL": lambda place: SessionManager.from_url(f"redis://:{SECRET}@{place}?timeout=0.4").store,  # type: ignore[dict-item, return-value]
}


@pytest.mark.pairwise
@pytest.mark.usefixtures("backends")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("fault", ["wrong password", "unreachable", "silent", "repeating"])
def test_no_error_of_redis_shows_the_password(
    way: str, fault: str, request: pytest.FixtureRequest, call: Call, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    ports: dict[str, Callable[[], int]] = {
        "wrong password": lambda: request.getfixturevalue("guarded").port,
        "unreachable": free_port,
        "silent": lambda: request.getfixturevalue("silent"),
        "repeating": lambda: request.getfixturevalue("repeating"),
    }
    place = f"127.0.0.1:{ports[fault]()}"
    monkeypatch.setenv("REDIS_URL", f"redis://{place}")
    monkeypatch.setenv("REDIS_PASSWORD", SECRET)
    with caplog.at_level(logging.DEBUG):
        store = WAYS[way](place)
        sessions = SessionManager(store=store)
        for method in ("add_user_message", "get_session", "set_system_message"):
            arguments = ("s",) if method == "get_session" else ("s", "Hello")
            with pytest.raises(StoreError) as raised:
                call(sessions, method, *arguments)
            assert raised.value.__cause__ is not None
            assert SECRET not in everything_of(raised.value)
        call(sessions, "close")
    assert SECRET not in caplog.text
    assert SECRET not in f"{store!r}{sessions!r}{vars(store)!r}"


@pytest.mark.parametrize("fault", ["wrong token", "unreachable", "silent"])
@pytest.mark.parametrize("by", ["argument", "environment", "manager's URL"])
def test_no_error_of_upstash_shows_the_token(
    by: str, fault: str, backends: Backends, call: Call, monkeypatch: pytest.MonkeyPatch, caplog: Any, silent: int
) -> None:
    urls = {
        "wrong token": backends.upstash().url,
        "unreachable": f"http://127.0.0.1:{free_port()}",
        "silent": f"http://127.0.0.1:{silent}",
    }
    monkeypatch.setenv("UPSTASH_REDIS_REST_URL", urls[fault])
    monkeypatch.setenv("UPSTASH_REDIS_REST_TOKEN", SECRET)
    makers: dict[str, Callable[[], Any]] = {
        "argument": lambda: UpstashStore(urls[fault], SECRET, timeout=0.4),
        "environment": lambda: UpstashStore.from_env(timeout=0.4),
        "manager's URL": lambda: (
            SessionManager.from_url(f"upstash://127.0.0.1:{urls[fault].rpartition(':')[2]}?timeout=0.4").store
        ),
    }
    with caplog.at_level(logging.DEBUG):
        store = makers[by]()
        sessions = SessionManager(store=store)
        with pytest.raises(StoreError) as raised:
            call(sessions, "add_user_message", "s", "Hello")
        call(sessions, "close")
    assert "httpcore" in {record.name.partition(".")[0] for record in caplog.records}
    assert SECRET not in everything_of(raised.value) + caplog.text
    assert SECRET not in f"{store!r}{sessions!r}{vars(store)!r}"


WRONG: dict[str, Callable[[], object]] = {
    f"{maker.__qualname__} {url}": lambda maker=maker, url=url: maker(url)
    for maker in (RedisStore, SessionManager.from_url)
    for url in (
        f"redis://:{SECRET}/x@localhost",
        f"redis://:12/{SECRET}@localhost",
        f"redis://:12?{SECRET}@localhost",
        f"redis://:12?{SECRET}=x@localhost",
        f"redis://:12#{SECRET}@localhost",
        f"redis://:{SECRET}@[::1",
        f"redis://:{SECRET}\u2100x@localhost:port",
        f"redis://:{SECRET}@localhost:x",
        f"redis://:{SECRET}@localhost?nonsense=1",
        f"redis://localhost?password={SECRET}&nonsense=1",
        f"rediss://:{SECRET}@localhost?nonsense=1&ssl_password={SECRET}",
        f"unix://:12/{SECRET}@/tmp/redis.sock",
        f"redis+cluster://:{SECRET}@localhost:x",
    )
} | {
    "prefix": lambda: RedisStore(f"redis://:{SECRET}@localhost", key_prefix="none"),
    "ttl": lambda: RedisStore(password=SECRET, ttl=0),
    "option of a URL": lambda: SessionManager.from_url(f"redis://:{SECRET}@localhost?ttl=soon"),
    "scheme": lambda: SessionManager.from_url(f"http://:{SECRET}@localhost"),
    "window": lambda: SessionManager.from_url(f"redis://:{SECRET}@localhost", memory_window=0),
    "Upstash's prefix": lambda: UpstashStore("https://x.upstash.io", SECRET, key_prefix="none"),
    "Upstash's URL": lambda: UpstashStore(f"https://x:{SECRET}@x.upstash.io", "token"),
    "Upstash's scheme": lambda: UpstashStore(f"redis://x:{SECRET}@x.upstash.io", "token"),
    "Upstash's token": lambda: UpstashStore("https://x.upstash.io", f"{SECRET}\u00e9"),
    "Upstash's manager URL": lambda: SessionManager.from_url(f"upstash://x:{SECRET}@x.upstash.io"),
    "Upstash's query": lambda: UpstashStore(f"https://x.upstash.io?_token={SECRET}", "token"),
    "Upstash's path": lambda: UpstashStore(f"https://x.upstash.io/{SECRET}", SECRET),
    "Upstash's fragment": lambda: UpstashStore(f"https://x.upstash.io/#{SECRET}", "token"),
    "password twice": lambda: RedisStore(f"redis://:{SECRET}@localhost", password=SECRET),
    "client and password": lambda: RedisStore(client=redis.Redis(), password=SECRET),
    **{
        f"{place} {query}": partial(SessionManager.from_url, f"{place}?{query}")
        for place in ("redis://localhost", "redis+cluster://localhost", "upstash://x.upstash.io", "memory://")
        for query in (SECRET, f"ttl=1&{SECRET}", f"{SECRET}=", f"{SECRET}=1&{SECRET}=2", f"{SECRET}==")
    },
    "bare word": lambda: RedisStore(f"redis://localhost?{SECRET}"),
    "Upstash's option": lambda: SessionManager.from_url(f"upstash://x.upstash.io?token={SECRET}"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_no_wrong_address_or_option_shows_the_secret(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UPSTASH_REDIS_REST_TOKEN", SECRET)
    with pytest.raises(ValueError) as raised:
        WRONG[wrong]()
    assert SECRET not in everything_of(raised.value)


SHAPES: dict[str, Callable[[str], object]] = {
    "bytes": str.encode,
    "bytearray": lambda text: bytearray(text.encode()),
    "list": lambda text: [text],
    "dict": lambda text: {"password": text},
}

TAKERS: dict[str, Callable[[Any], object]] = {
    "url must be a str": RedisStore,
    "url must be a str ": RedisStore.from_url,
    "url must be a str of a manager's": SessionManager.from_url,
    "password must be a str": lambda given: RedisStore(password=given),
    "password must be a str of the environment's": lambda given: RedisStore.from_env(password=given),
    "client must be": lambda given: RedisStore(client=given),
    "async_client must be": lambda given: RedisStore(async_client=given),
    "url must be a str of Upstash": lambda given: UpstashStore(given, "token"),
    "url must be a str of Upstash's": UpstashStore.from_url,
    "token must be a str": lambda given: UpstashStore("https://x.upstash.io", given),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("taker", TAKERS)
def test_nothing_of_another_type_that_is_given_for_a_secret_is_shown(
    taker: str, shape: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://localhost")
    monkeypatch.setenv("UPSTASH_REDIS_REST_TOKEN", "token")
    given = SHAPES[shape](f"redis://:{SECRET}@localhost")
    with pytest.raises(TypeError, match=f"^{taker.partition(' of ')[0].strip()}.* got .*{shape}") as raised:
        TAKERS[taker](given)
    assert SECRET not in everything_of(raised.value)


@pytest.mark.parametrize("argument", ["client", "async_client"])
def test_a_url_given_as_a_client_is_not_shown(argument: str) -> None:
    given: Any = {argument: f"redis://:{SECRET}@localhost"}
    with pytest.raises(TypeError, match="give a URL as url") as raised:
        RedisStore(**given)
    assert SECRET not in everything_of(raised.value)


@pytest.mark.parametrize(
    ("url", "place", "secrets"),
    [
        ("redis://h", "redis://h", {}),
        ("redis://u:p%40%2Fss@h:1/2?db=3", "redis://h:1/2?db=3", {"username": "u", "password": "p@/ss"}),
        ("redis://u@h?username=v", "redis://h?", {"username": "u"}),
        ("redis://:p@ss@h", "redis://h", {"password": "p@ss"}),
        ("rediss://h?ssl_password=a%2525&password=b", "rediss://h?", {"ssl_password": "a%", "password": "b"}),
        ("unix://:p@/tmp/a@b.sock?db=1", "unix:///tmp/a@b.sock?db=1", {"password": "p"}),
        ("redis+cluster://u:p@[::1]:1", "redis+cluster://[::1]:1", {"username": "u", "password": "p"}),
    ],
)
def test_user_and_passwords_are_split_off_a_url(url: str, place: str, secrets: dict[str, str]) -> None:
    assert not is_ambiguous(url)
    assert split_url(url) == (place, secrets)


def test_nothing_that_frameworks_dump_shows_a_secret() -> None:
    for store in (RedisStore(f"redis://:{SECRET}@localhost"), UpstashStore("https://x.upstash.io", SECRET)):
        sessions = SessionManager(store=store)
        for chat_store in (SessionKitChatStore(sessions=sessions), SessionKitAsyncChatStore(sessions=sessions)):
            assert SECRET not in f"{chat_store!r}{chat_store}{chat_store.model_dump()}{chat_store.model_dump_json()}"
            assert SECRET not in f"{chat_store.to_dict() if hasattr(chat_store, 'to_dict') else ''}{vars(chat_store)}"
        buffer = ChatMemoryBuffer.from_defaults(chat_store=SessionKitChatStore(sessions=sessions), token_limit=100)
        memory = Memory.from_defaults(
            session_id="s", chat_store=SessionKitAsyncChatStore(sessions=sessions), tokenizer_fn=str.split
        )
        assert SECRET not in f"{buffer!r}{buffer.model_dump()}{memory!r}{memory.model_dump()}"
        history = SessionKitChatMessageHistory("s", sessions)
        chain = RunnableWithMessageHistory(
            RunnableLambda(lambda given: given), SessionKitChatMessageHistory.factory(sessions)
        )
        assert SECRET not in f"{history!r}{vars(history)}{chain!r}{chain.to_json()}{dumps(chain)}{dumps(history)}"


def test_a_loop_in_debug_mode_logs_no_secret(guarded: Server, caplog: Any) -> None:
    async def use() -> None:
        async with RedisStore(f"redis://:{SECRET}@127.0.0.1:{guarded.port}") as store:
            asyncio.get_running_loop().slow_callback_duration = 0  # everything is slow
            with pytest.raises(StoreError):
                await SessionManager(store=store).aadd_user_message("s", "Hello")

    with caplog.at_level(logging.DEBUG):
        asyncio.run(use(), debug=True)
    assert "asyncio" in {record.name for record in caplog.records}
    assert SECRET not in caplog.text


class Provider(redis.CredentialProvider):
    """Credentials that are fetched for each connection."""

    def get_credentials(self) -> tuple[str, str]:
        return "app", SECRET


@pytest.mark.parametrize("kind", ["password", "provider", "static provider"])
def test_a_server_that_repeats_a_given_clients_login_shows_no_password(repeating: int, call: Call, kind: str) -> None:
    ways: dict[str, dict[str, Any]] = {
        "password": {"username": "app", "password": SECRET},
        "provider": {"credential_provider": Provider()},
        "static provider": {"credential_provider": UsernamePasswordCredentialProvider("app", SECRET)},
    }
    with redis.Redis(port=repeating, retry=Retry(NoBackoff(), 0), **ways[kind]) as client:
        sessions = SessionManager(store=RedisStore(client=client, timeout=1))
        with pytest.raises(StoreError) as raised:
            call(sessions, "add_user_message", "s", "Hello")
        shown = [str(raised.value), str(raised.value.__cause__), repr(raised.value.__cause__)]
        assert SECRET not in "".join(shown)
        call(sessions, "close")


def frames_of_ours(error: BaseException | None) -> list[Any]:
    frames = []
    while error is not None:
        frames += [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
        error = error.__cause__ or error.__context__
    return [frame for frame in frames if str(Path(sessionkit_integrations.__file__).parent) in frame.f_code.co_filename]


def test_no_frame_of_ours_has_a_driver_s_client_in_a_variable(call: Call) -> None:
    """Their repr shows the password in some versions of redis-py."""
    sessions = SessionManager(store=RedisStore(f"redis://app:{SECRET}@127.0.0.1:{free_port()}", timeout=0.4))
    with pytest.raises(StoreError) as raised:
        call(sessions, "add_user_message", "s", "x")
    frames = frames_of_ours(raised.value)
    assert len(frames) > 5
    kinds = (redis.Redis, redis.asyncio.Redis, redis.ConnectionPool, redis.asyncio.ConnectionPool)
    assert [frame for frame in frames if any(isinstance(value, kinds) for value in frame.f_locals.values())] == []
    call(sessions, "close")


def test_no_client_of_ours_shows_a_password_in_its_repr() -> None:
    """Also where a driver's repr formats its options instead of showing their reprs."""
    store = RedisStore(f"redis://app:{SECRET}@127.0.0.1:1")
    with store._shared.use() as own:
        options = own.client.connection_pool.connection_kwargs
        assert SECRET not in "".join(f"{name}={value}" for name, value in options.items())
        assert options["credential_provider"].get_credentials() == ("app", SECRET)
    store.close()


def test_a_part_of_a_secret_is_a_secret() -> None:
    """Error trackers cut long texts off before they show them."""
    secret = Secret(f"redis://app:{SECRET}@localhost")
    assert repr(secret[:25]) == repr(secret[3]) == repr(secret) == "'***'"
    assert (secret[:5], str(secret)) == ("redis", f"redis://app:{SECRET}@localhost")
