"""The other packages themselves: they write what the tests of migrate take for theirs, and migrate reads it."""

from __future__ import annotations

import asyncio
import json
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.messages import BaseMessage, HumanMessage
from redis.asyncio import Redis as AsyncRedis

from sessionkit_integrations import SessionManager
from sessionkit_integrations.porting.stored import read_session
from tests.benchmarks.keeping import deprecations_ignored
from tests.langchain.messages import EVERY_KIND
from tests.llama_index import samples
from tests.porting.commands import summary
from tests.porting.migrating import IDS, check_migration, in_langchain
from tests.porting.other_packages import can_be_kept, write_langchain_community, write_llama_index
from tests.servers import Server, search_modules

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import redis

    from tests.backends import Backends


@pytest.fixture
def client(redis_server: Server) -> Iterator[redis.Redis]:
    """A client of an empty database."""
    with redis_server.client(db=8) as made:
        made.flushdb()
        yield made
        made.flushdb()


@pytest.mark.parametrize("key_prefix", ["message_store:", "chats_"])
def test_langchain_community_writes_what_the_tests_write(
    key_prefix: str, client: redis.Redis, redis_server: Server
) -> None:
    with deprecations_ignored():
        module: Any = import_module("langchain_community.chat_message_histories")
        history = module.RedisChatMessageHistory("theirs", f"{redis_server.url}/8", key_prefix)
    with history.redis_client:
        history.add_messages(EVERY_KIND)
        read = history.messages
    assert write_langchain_community(client, "ours", EVERY_KIND, key_prefix) == read
    assert client.lrange(f"{key_prefix}ours", 0, -1) == client.lrange(f"{key_prefix}theirs", 0, -1)
    assert client.dbsize() == 2


def test_llama_index_writes_what_the_tests_write(client: redis.Redis, redis_server: Server) -> None:
    with deprecations_ignored():
        module: Any = import_module("llama_index.storage.chat_store.redis")
    asynchronous = AsyncRedis.from_url(f"{redis_server.url}/8")
    chat_store = module.RedisChatStore(redis_client=client, aredis_client=asynchronous)
    messages = [message for message in samples.EVERY_KIND.values() if can_be_kept(message)]
    chat_store.set_messages("theirs", messages)
    asyncio.run(asynchronous.aclose())
    assert write_llama_index(client, "ours", messages) == chat_store.get_messages("theirs")
    assert client.lrange("ours", 0, -1) == client.lrange("theirs", 0, -1)
    assert client.dbsize() == 2


@pytest.mark.skipif(not search_modules(), reason="RedisJSON comes for Linux on x86_64 alone")
def test_langchain_redis_is_migrated(backends: Backends, tmp_path: Path) -> None:
    target = f"sqlite:///{tmp_path}/new.db"
    with deprecations_ignored():
        module: Any = import_module("langchain_redis")
    server = Server(backends.binary("redis-8.2"), *search_modules()).start()
    try:
        theirs: dict[str, list[BaseMessage]] = {}
        for session_id in IDS:
            with deprecations_ignored():
                history = module.RedisChatMessageHistory(session_id, server.url, protocol=2)
            with history.redis_client:
                history.add_messages(EVERY_KIND[:4])  # of what follows, it cannot read some itself
                for number in range(120):
                    history.add_message(HumanMessage(str(number)))
                theirs[session_id] = history.messages
        with server.client() as client:
            client.execute_command("JSON.SET", "chat:other", "$", '{"no": "message"}')
            client.rpush("chat:list", "x")
            done = check_migration("langchain-redis", client, server.url, target)
        assert (done["written"], done["messages"], done["ignored"]) == (3, 372, 1)
        # Its search finds no message whose content is a list, and none of ids with some characters.
        ours = in_langchain(target, "plain")
        assert [message for message in ours if isinstance(message.content, str)] == theirs["plain"]
        assert ours[1].content == EVERY_KIND[1].content
        assert [message.content for message in ours[4:]] == [str(number) for number in range(120)]
        for session_id in IDS:
            assert len(in_langchain(target, session_id)) == 124
        with SessionManager.from_url(target) as sessions:
            assert json.loads(read_session(sessions, "plain").active[0])["at"] > 1_700_000_000_000
    finally:
        server.stop()


@pytest.mark.skipif(not search_modules(), reason="RedisJSON comes for Linux on x86_64 alone")
def test_bad_documents_of_langchain_redis_leave_out_their_sessions(backends: Backends, tmp_path: Path) -> None:
    server = Server(backends.binary("redis-8.2"), *search_modules()).start()
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
