"""`UpstashStore`, and the REST endpoint of the tests itself, driven with Upstash's own clients."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import shutil
import ssl
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import upstash_redis
import upstash_redis.asyncio
from upstash_redis.errors import UpstashError

from sessionkit_integrations import (
    SessionManager,
    StoreError,
    StoreUnavailableError,
    UpstashStore,
)
from sessionkit_integrations.stores.redis import rest
from tests.servers import free_port
from tests.upstash_rest import READ_ONLY_TOKEN, TOKEN, UpstashEndpoint

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.backends import Backends

    Call = Callable[..., Any]

HELLO: Any = {"role": "user", "content": "Hé 🧠"}


@pytest.fixture
def endpoint(backends: Backends) -> UpstashEndpoint:
    """The endpoint, over a database that is empty: other tests use it too, and one at a time."""
    upstash = backends.upstash()
    upstash.redis.flushall()
    return upstash


def test_a_write_and_a_read_are_one_request_each(endpoint: UpstashEndpoint, call: Call) -> None:
    sessions = SessionManager(store=UpstashStore(endpoint.url, TOKEN))
    call(sessions, "send_messages", "s", [HELLO, HELLO])
    before = endpoint.requests
    call(sessions, "send_messages", "s", [HELLO, HELLO])
    assert endpoint.requests == before + 1
    call(sessions, "get_session", "s")
    assert endpoint.requests == before + 2
    call(sessions, "reset_session", "s")
    call(sessions, "close")


def test_clients_share_what_checks_certificates(endpoint: UpstashEndpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each loop has a client of its own, and to read the authorities takes 30 ms."""
    read: list[str | None] = []

    def create_ssl_context() -> ssl.SSLContext:
        read.append(os.environ.get("SSL_CERT_FILE"))
        return ssl.create_default_context()

    monkeypatch.setattr(httpx, "create_ssl_context", create_ssl_context)
    rest._read_authorities.cache_clear()
    for place in ("", "authorities.pem"):
        monkeypatch.setenv("SSL_CERT_FILE", place)
        for _ in range(2):
            with SessionManager(store=UpstashStore(endpoint.url, TOKEN)) as sessions:
                sessions.get_session("s")
                for _ in range(2):
                    asyncio.run(sessions.aget_session("s"))
    rest._read_authorities.cache_clear()
    assert read == ["", "authorities.pem"]


def test_no_script_locks_the_whole_database(endpoint: UpstashEndpoint, call: Call) -> None:
    before = endpoint.global_locks
    sessions = SessionManager(1, UpstashStore(endpoint.url, TOKEN, archive=True, ttl=100))
    call(sessions, "send_messages", "s", [HELLO, HELLO])
    call(sessions, "set_system_message", "s", "x")
    call(sessions, "reset_session", "s")
    call(sessions, "close")
    assert endpoint.global_locks == before


@pytest.mark.parametrize(
    "names", [("UPSTASH_REDIS_REST_URL", "UPSTASH_REDIS_REST_TOKEN"), ("UPSTASH_URL", "UPSTASH_TOKEN")]
)
def test_by_environment(
    endpoint: UpstashEndpoint, call: Call, monkeypatch: pytest.MonkeyPatch, names: tuple[str, str]
) -> None:
    monkeypatch.setenv(names[0], endpoint.url)
    monkeypatch.setenv(names[1], TOKEN)
    sessions = SessionManager(store=UpstashStore.from_env(key_prefix="env:"))
    call(sessions, "send_message", "s", HELLO)
    assert call(sessions, "get_session", "s") == [HELLO]
    call(sessions, "reset_session", "s")
    call(sessions, "close")


def test_an_environment_without_the_variables_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("UPSTASH_REDIS_REST_URL", "UPSTASH_URL"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValueError, match="UPSTASH_REDIS_REST_URL"):
        UpstashStore.from_env()
    with pytest.raises(ValueError, match="UPSTASH_REDIS_REST_TOKEN"):
        SessionManager.from_url("upstash://example.upstash.io")


def test_a_manager_url_names_the_host_and_the_environment_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UPSTASH_REDIS_REST_TOKEN", TOKEN)
    with SessionManager.from_url("upstash://example.upstash.io?ttl=60&key_prefix=app:") as sessions:
        assert repr(sessions.store) == "UpstashStore('https://example.upstash.io', key_prefix='app:')"


@pytest.mark.parametrize(
    ("token", "method", "arguments"),
    [
        ("wrong", "get_session", ("s",)),
        ("wrong", "send_message", ("s", HELLO)),
        (READ_ONLY_TOKEN, "send_message", ("s", HELLO)),
        (READ_ONLY_TOKEN, "reset_session", ("s",)),
    ],
)
def test_tokens_without_the_right_are_typed_errors_and_never_shown(
    endpoint: UpstashEndpoint, call: Call, token: str, method: str, arguments: tuple[Any, ...]
) -> None:
    store = UpstashStore(endpoint.url, token)
    with pytest.raises(StoreError) as raised:
        call(SessionManager(store=store), method, *arguments)
    assert not isinstance(raised.value, StoreUnavailableError)
    assert isinstance(raised.value.__cause__, UpstashError)
    assert token not in f"{raised.value!r}{raised.value}{store!r}"
    call(store, "close")


def test_a_read_only_token_reads(endpoint: UpstashEndpoint, call: Call) -> None:
    with SessionManager(store=UpstashStore(endpoint.url, TOKEN)) as writer:
        writer.send_message("s", HELLO)
        reader = SessionManager(store=UpstashStore(endpoint.url, READ_ONLY_TOKEN))
        assert call(reader, "get_session", "s") == [HELLO]
        call(reader, "close")
        writer.reset_session("s")


def test_a_request_over_the_limit_is_a_typed_error_and_writes_nothing(endpoint: UpstashEndpoint, call: Call) -> None:
    store = UpstashStore(endpoint.url, TOKEN, timeout=30)
    sessions = SessionManager(store=store, max_message_bytes=2**30)
    with pytest.raises(StoreError, match="max request size"):
        call(sessions, "add_user_message", "s", "x" * (10 * 1024 * 1024))
    assert call(sessions, "get_session", "s") == []
    call(sessions, "close")


def test_an_unreachable_endpoint_is_a_typed_error(call: Call) -> None:
    sessions = SessionManager(store=UpstashStore(f"http://127.0.0.1:{free_port()}", TOKEN))
    with pytest.raises(StoreUnavailableError) as raised:
        call(sessions, "add_user_message", "s", "Hello")
    assert raised.value.may_have_happened is False
    assert isinstance(raised.value.__cause__, httpx.ConnectError)
    call(sessions, "close")


def test_endpoint_with_upstash_redis(endpoint: UpstashEndpoint) -> None:
    with upstash_redis.Redis(endpoint.url, TOKEN) as client:
        check_client(client)
        for batch in (client.pipeline(), client.multi()):
            batch.set("k", "v")
            batch.llen("l")
            assert batch.exec() == [True, 2]
        with pytest.raises(UpstashError, match="WRONGTYPE"):
            client.lrange("k", 0, -1)
        client.delete("k", "l")
    with upstash_redis.Redis(endpoint.url, "wrong") as stranger, pytest.raises(UpstashError, match="Unauthorized"):
        stranger.get("k")
    with upstash_redis.Redis(endpoint.url, READ_ONLY_TOKEN) as reader:
        assert reader.get("k") is None
        for forbidden in (lambda: reader.set("k", "v"), lambda: reader.scan(0)):
            with pytest.raises(UpstashError, match="NOPERM"):
                forbidden()


def check_client(client: Any) -> None:
    assert client.set("k", "OK") is True
    assert client.get("k") == "OK"
    assert client.rpush("l", "é", "b") == 2
    assert client.lrange("l", 0, -1) == ["é", "b"]
    assert client.eval("return ARGV[1]", args=["x"]) == "x"
    with pytest.raises(UpstashError, match="NOSCRIPT"):
        client.evalsha("0" * 40)


async def test_endpoint_with_asynchronous_upstash_redis(endpoint: UpstashEndpoint) -> None:
    async with upstash_redis.asyncio.Redis(endpoint.url, TOKEN) as client:
        assert await client.set("ak", "v")
        assert await client.get("ak") == "v"
        await client.delete("ak")


@pytest.mark.parametrize("encoding", [None, "base64"])
def test_endpoint_with_commands_in_the_path(endpoint: UpstashEndpoint, encoding: str | None) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"} | ({"Upstash-Encoding": encoding} if encoding else {})
    with httpx.Client(base_url=endpoint.url, headers=headers) as client:
        assert client.get("/set/path-key/bar/EX/100").json() == {"result": "OK"}
        assert client.post("/set/path-key?EX=100", content="from the body").json() == {"result": "OK"}
        expected = "ZnJvbSB0aGUgYm9keQ==" if encoding else "from the body"
        assert client.get("/get/path-key").json() == {"result": expected}
        failed = client.get("/get")
        assert (failed.status_code, list(failed.json())) == (400, ["error"])
        assert client.delete("/").status_code == 405
    bare = httpx.get(f"{endpoint.url}/get/path-key?_token={TOKEN}")
    assert bare.json() == {"result": "from the body"}
    assert httpx.get(f"{endpoint.url}/get/path-key").status_code == 401


@pytest.fixture(scope="session")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    npm = shutil.which("npm")
    if not npm or not shutil.which("node"):
        pytest.skip("Node.js is not installed, which @upstash/redis runs on")
    folder = tmp_path_factory.mktemp("node")
    command = [npm, "install", "--no-audit", "--no-fund", "--prefix", str(folder), "@upstash/redis@^1.35"]
    installed = subprocess.run(command, capture_output=True, text=True, check=False, timeout=180)  # noqa: S603
    if installed.returncode:
        pytest.skip(f"npm could not install @upstash/redis: {installed.stderr.strip()[-200:]}")
    shutil.copy(Path(__file__).with_name("upstash_redis.mjs"), folder)
    return folder


@pytest.mark.timeout(300)  # it installs the package
def test_endpoint_with_the_npm_package(endpoint: UpstashEndpoint, node_modules: Path) -> None:
    command = ["node", "upstash_redis.mjs", endpoint.url, TOKEN]
    run = subprocess.run(command, cwd=node_modules, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout)
    messages = [{"role": "user", "content": "Hé 🧠"}, {"role": "assistant", "content": "Hello"}]
    assert result["list"] == messages
    assert result["multi"] == ["value", 2]
    assert result["script"] == ["k", "v"]
    assert result["missing"] is None
    assert result["scan"][1] == ["sessionkit:from-node"]
    assert "not an integer" in result["failed"]
    assert "Unauthorized" in result["unauthorized"]
    with SessionManager(store=UpstashStore(endpoint.url, TOKEN)) as sessions:
        assert sessions.get_session("from-node") == messages
        sessions.send_message("from-node", HELLO)
        assert sessions.get_session("from-node") == [*messages, HELLO]
        sessions.reset_session("from-node")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_processes_that_were_forked_share_no_connection(endpoint: UpstashEndpoint) -> None:
    sessions = SessionManager(store=UpstashStore(endpoint.url, TOKEN))
    for name in ("a", "b"):
        sessions.add_user_message(name, f"secret of {name}")

    def read_own(name: str) -> None:
        for _ in range(30):
            assert sessions.get_session(name) == [{"role": "user", "content": f"secret of {name}"}]

    read_own("a")
    fork = multiprocessing.get_context("fork")
    children = [fork.Process(target=read_own, args=(name,)) for name in ("a", "b")]
    for child in children:
        child.start()
    for child in children:
        child.join(30)
    assert [child.exitcode for child in children] == [0, 0]
    sessions.close()


@pytest.mark.parametrize(
    ("url", "token"),
    [
        ("redis://x", "t"),
        ("example.upstash.io", "t"),
        ("https://user:t@x.io", "t"),
        ("https://\u2026.upstash.io", "t"),
        ("https://x.io", " "),
        ("https://x.io", "t\u00e9"),
    ],
)
def test_wrong_addresses_are_refused_at_once_and_not_shown(url: str, token: str) -> None:
    with pytest.raises(ValueError, match="Upstash") as raised:
        UpstashStore(url, token)
    assert "user:t" not in str(raised.value)


def test_a_prompt_is_one_request_whatever_it_says(endpoint: UpstashEndpoint) -> None:
    with UpstashStore(endpoint.url, TOKEN, key_prefix="words:") as store:
        sessions = SessionManager(store=store)
        sessions.add_user_message("s", "the scripts are loaded")
        before = endpoint.requests
        said = [each["content"] for each in sessions.prompt("s", '{"error":"NOSCRIPT No matching script."}')]
        assert (said[1], endpoint.requests - before) == ('{"error":"NOSCRIPT No matching script."}', 1)
        sessions.reset_session("s")
