"""One bad item never stops a migration: it is named, and with ``--skip-corrupt`` only its turn is left out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import SessionManager
from tests.porting.commands import run, summary
from tests.servers import Server, binaries, search_modules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import redis

DEEP = b"[" * 1000 + b"]" * 1000
OF_ANY_PACKAGE = {
    "not JSON": b"{",
    "nothing": b"",
    "a list": b"[]",
    "a number": b"7",
    "null": b"null",
    "another encoding": "Grüße".encode("utf-16"),
    "broken UTF-8": b'{"role": "user", "content": "\xff"}',
    "JSON nested a thousand deep": DEEP,
    "JSON nested without end": b"[" * 200_000,
}


def of_langchain(**data: Any) -> bytes:
    return json.dumps({"type": "human", "data": {"type": "human", **data}}).encode()


def of_llama_index(**fields: Any) -> bytes:
    return json.dumps({"role": "user", "additional_kwargs": {}, **fields}).encode()


def of_javascript(**fields: Any) -> bytes:
    return json.dumps({"role": "user", **fields}).encode()


def image(**fields: Any) -> list[dict[str, Any]]:
    return [{"block_type": "image", **fields}]


BAD = {
    "langchain-community": {
        **OF_ANY_PACKAGE,
        "another class": b'{"type": "robot", "data": {}}',
        "no data": b'{"type": "human"}',
        "a wrong content": of_langchain(content=7),
        "a deep content": b'{"type": "human", "data": {"type": "human", "content": [' + DEEP + b"]}}",
        "wrong calls": b'{"type": "ai", "data": {"type": "ai", "content": "", "tool_calls": [7]}}',
    },
    "llama-index": {
        **OF_ANY_PACKAGE,
        "another role": of_llama_index(role="robot", content="x"),
        "another block": of_llama_index(blocks=[{"block_type": "robot"}]),
        "a path of 5,000 characters": of_llama_index(blocks=image(path="x" * 5000)),
        "a path with a null character": of_llama_index(blocks=image(path="\0")),
        "a file that is not here": of_llama_index(blocks=image(path="/nowhere/at/all.png")),
        "a deep field": b'{"role": "user", "content": "x", "additional_kwargs": {"x": ' + DEEP + b"}}",
    },
    "javascript": {
        **OF_ANY_PACKAGE,
        "another role": of_javascript(role="robot", content="x"),
        "a wrong content": of_javascript(role="assistant", content=7),
        "wrong parts": of_javascript(role="assistant", content=["x"]),
    },
}
KEYS = {"langchain-community": "message_store:", "llama-index": "", "javascript": "sessionkit:"}
WRITERS: dict[str, Callable[..., bytes]] = {
    "langchain-community": of_langchain,
    "llama-index": of_llama_index,
    "javascript": of_javascript,
}


@pytest.fixture
def source(redis_server: Server) -> Iterator[redis.Redis]:
    """A database of its own: LlamaIndex's keys begin with nothing."""
    with redis_server.client(db=7) as client:
        client.flushdb()
        yield client
        client.flushdb()


@pytest.mark.parametrize("package", BAD)
def test_only_the_turns_of_bad_items_are_left_out(
    package: str, source: redis.Redis, redis_server: Server, tmp_path: Any
) -> None:
    target = f"sqlite:///{tmp_path}/new.db"
    first, question, last = (WRITERS[package](content=text) for text in ("first", "question", "last"))
    for name, bad in BAD[package].items():
        items = [first, question, bad, last]
        source.rpush(f"{KEYS[package]}{name}", *(items[::-1] if package == "langchain-community" else items))
        source.rpush(f"{KEYS[package]}nothing but {name}", *([bad] if package != "llama-index" else [first, bad]))
    source.rpush(f"{KEYS[package]}zoe", first)
    args = ("migrate", "--from", package, f"{redis_server.url}/7", "--url", target, "--yes")
    done = summary(*args, code=1)
    assert sorted(set(BAD[package]) - set(done["left_out"])) == []
    assert done["written"] == 1
    assert {each["session_id"] for each in done["unreadable"]} == set(done["left_out"])
    assert {each["position"] for each in done["unreadable"] if each["session_id"] in BAD[package]} == {2}
    assert all(each["problem"] and len(each["problem"]) < 300 for each in done["unreadable"])
    done = summary(*args, "--skip-corrupt", code=1)
    assert done["unchanged"] == 1
    with SessionManager.from_url(target) as sessions:
        for name in BAD[package]:
            assert [each["content"] for each in sessions.get_session(name)] == ["first", "last"], name
    assert run(*args, "--skip-corrupt", code=1).stderr.count("\n") == len(done["unreadable"])


@pytest.mark.parametrize("package", BAD)
def test_keys_of_another_encoding_are_not_of_the_package(
    package: str, source: redis.Redis, redis_server: Server, tmp_path: Any
) -> None:
    good = WRITERS[package](content="Hello")
    source.rpush(f"{KEYS[package]}good", good)
    source.rpush(KEYS[package].encode() + b"caf\xe9", good)
    args = ("migrate", "--from", package, f"{redis_server.url}/7", "--url", f"sqlite:///{tmp_path}/new.db")
    assert [each["session_id"] for each in summary(*args)["sessions"]] == ["good"]


@pytest.mark.server
@pytest.mark.skipif(not search_modules(), reason="RedisJSON comes for Linux on x86_64 alone")
def test_documents_of_langchain_redis(tmp_path: Any) -> None:
    server = Server(str(binaries()["redis-8.2"]), *search_modules()).start()
    try:
        with server.client() as client:
            times: list[Any] = [1e306, -1e306, 1e30, 1e308, 9e15, -1e15, "x", None, True, [1], {"a": 1}, -5, 1.7e9]
            for number, timestamp in enumerate(times):
                put(client, f"time {number}", str(number), timestamp=timestamp)
            for number, session_id in enumerate([[1], {"a": 1}, 5, None, "", "x" * 600]):
                put(client, session_id, f"id {number}")
            put(client, "bad", "bad 1")
            put(client, "bad", "bad 2", data={"content": 7, "type": "human"}, timestamp=1.7e9 + 1)
            put(client, "bad", "bad 3", type="robot", timestamp=1.7e9 + 2)
            client.execute_command("JSON.SET", b"chat:caf\xe9", "$", '{"session_id": "other"}')
        args = ("migrate", "--from", "langchain-redis", server.url, "--url", f"sqlite:///{tmp_path}/new.db", "--yes")
        done = summary(*args, code=1)
        assert (done["written"], done["ignored"]) == (len(times), 5)
        assert sorted(done["left_out"]) == ["", "bad", "x" * 600]
        assert [(each["session_id"], each["position"]) for each in done["unreadable"]] == [
            ("", None),
            ("bad", 1),
            ("bad", 2),
            ("x" * 600, None),
        ]
        with SessionManager.from_url(f"sqlite:///{tmp_path}/new.db") as sessions:
            written = [next(iter(sessions.view(f"time {number}").messages)).at for number in range(len(times))]
        assert [at and at.timestamp() for at in written] == [*[None] * 5, None, *[None] * 5, -5, 1.7e9]
    finally:
        server.stop()


def put(client: redis.Redis, session_id: Any, key: str, **fields: Any) -> None:
    """Put a message into a document, as langchain-redis does."""
    document = {"type": "human", "message_id": key, "data": {"content": "Hello", "type": "human"}, "timestamp": 1.7e9}
    text = json.dumps({**document, "session_id": session_id, **fields})
    client.execute_command("JSON.SET", f"chat:{key}", "$", text)
