"""One bad item never stops a migration: it is named, and with ``--skip-corrupt`` only its turn is left out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import SessionManager
from tests.porting.commands import run, summary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import redis

    from tests.servers import Server

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
