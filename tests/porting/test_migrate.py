"""Conversations that other packages wrote, with those packages, into real servers."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from llama_index.core.base.llms.types import ChatMessage
from redis.asyncio import Redis as AsyncRedis

from sessionkit_integrations import SessionKitChatMessageHistory, SessionKitChatStore, SessionManager
from sessionkit_integrations.porting.stored import read_session
from tests.benchmarks.keeping import deprecations_ignored
from tests.langchain.messages import EVERY_KIND
from tests.llama_index import samples
from tests.porting.commands import run, summary
from tests.servers import Server, binaries, search_modules

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import redis

ALL = 10_000
IDS = ("plain", "a b:{c}*", "é🧠")


@pytest.fixture
def source(redis_server: Server) -> Iterator[redis.Redis]:
    """A database of its own: LlamaIndex's keys begin with nothing."""
    with redis_server.client(db=7) as client:
        client.flushdb()
        yield client
        client.flushdb()


@pytest.fixture
def source_url(redis_server: Server) -> str:
    return f"{redis_server.url}/7"


@pytest.fixture
def target(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/new.db"


def contents(client: redis.Redis) -> dict[bytes, bytes | None]:
    keys: Any = client.keys()
    dumps: Any = {key: client.dump(key) for key in keys}
    return dumps  # type: ignore[no-any-return]


def community(url: str, session_id: str, messages: Sequence[BaseMessage], **options: Any) -> list[BaseMessage]:
    with deprecations_ignored():
        module = pytest.importorskip("langchain_community.chat_message_histories")
        history = module.RedisChatMessageHistory(session_id, url, **options)
    with history.redis_client:
        history.add_messages(messages)
        read: list[BaseMessage] = history.messages
    return read


def in_langchain(url: str, session_id: str) -> list[BaseMessage]:
    with SessionManager.from_url(url, ALL) as sessions:
        return SessionKitChatMessageHistory(session_id, sessions).messages


def check_migration(package: str, source: redis.Redis, source_url: str, target: str, *more: str) -> dict[str, Any]:
    """Run the migration dry, for real and again, and return the summary of the second."""
    before = contents(source)
    dry = run("migrate", "--from", package, source_url, "--url", target, *more)
    assert "would write: " in dry.stdout
    assert dry.stdout.endswith("nothing was changed; do it with --yes\n")
    with SessionManager.from_url(target) as sessions:
        assert list(sessions.list_sessions()) == []
    done = summary("migrate", "--from", package, source_url, "--url", target, *more, "--yes")
    again = summary("migrate", "--from", package, source_url, "--url", target, *more, "--yes")
    assert (again["written"], again["unchanged"], again["messages"]) == (0, done["written"], 0)
    assert contents(source) == before
    return done


def test_langchain_community(source: redis.Redis, source_url: str, target: str) -> None:
    theirs = {session_id: community(source_url, session_id, EVERY_KIND) for session_id in IDS}
    source.rpush("other", "x")
    done = check_migration("langchain-community", source, source_url, target)
    assert (done["written"], done["messages"], done["unreadable"]) == (3, 3 * len(EVERY_KIND), [])
    for session_id, messages in theirs.items():
        assert in_langchain(target, session_id) == messages
        assert [type(message) for message in messages] == [type(message) for message in EVERY_KIND]


def test_langchain_community_with_a_prefix_into_the_same_database(source: redis.Redis, source_url: str) -> None:
    theirs = community(source_url, "s", EVERY_KIND, key_prefix="chats_")
    target = f"{source_url}?key_prefix=app:"
    args = ("migrate", "--from", "langchain-community", source_url, "--url", target, "--key-prefix", "chats_")
    assert summary(*args)["written"] == 1
    assert [*contents(source)] == [b"chats_s"]
    assert summary(*args, "--yes")["written"] == 1
    assert in_langchain(target, "s") == theirs
    assert summary(*args, "--yes")["unchanged"] == 1


def test_what_cannot_be_read_leaves_its_session_out_unless_told_otherwise(
    source: redis.Redis, source_url: str, target: str
) -> None:
    community(source_url, "good", [HumanMessage("Hello")])
    theirs = community(source_url, "bad", [HumanMessage("Hello"), AIMessage("Hi")])
    for item in ("{", '{"type": "robot", "data": {}}', "[]", '{"type": "human", "data": {"content": 7}}', b"\xff"):
        source.lpush("message_store:bad", item)
    source.lpush(f"message_store:{'x' * 600}", json.dumps({"type": "human", "data": {"content": "x"}}))
    args = ("migrate", "--from", "langchain-community", source_url, "--url", target)
    dry = run(*args, code=1)
    assert "would leave out (cannot be read): bad (2 messages)\nwould write: good (1 messages)\n" in dry.stdout
    assert [line.split(":")[1] for line in dry.stderr.splitlines()[:5]] == [
        f" session 'bad', message {position}" for position in range(2, 7)
    ]
    assert not Path(target.removeprefix("sqlite:///")).exists()
    done = summary(*args, "--yes", code=1)
    assert (done["written"], done["left_out"]) == (1, ["bad", "x" * 600])
    done = summary(*args, "--yes", "--skip-corrupt", code=1)
    assert (done["written"], done["unchanged"], done["left_out"]) == (1, 1, ["x" * 600])
    assert in_langchain(target, "bad") == theirs


def test_sessions_that_went_on_are_refused(source: redis.Redis, source_url: str, target: str) -> None:
    theirs = community(source_url, "s", [HumanMessage("Hello")])
    args = ("migrate", "--from", "langchain-community", source_url, "--url", target, "--yes")
    run(*args)
    with SessionManager.from_url(target) as sessions:
        sessions.add_assistant_message("s", "Hi")
    assert "session 's' is there with other messages" in run(*args, code=1).stderr
    assert len(in_langchain(target, "s")) == 2
    assert summary(*args, "--overwrite")["overwritten"] == 1
    assert in_langchain(target, "s") == theirs


def test_langchain_redis(target: str) -> None:
    pytest.importorskip("langchain_community")
    with deprecations_ignored():
        module = pytest.importorskip("langchain_redis")
    if not search_modules():
        pytest.skip("this machine has no RedisJSON")
    server = Server(str(binaries()["redis-8.2"]), *search_modules()).start()
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
            assert json.loads(read_session(sessions.store, "plain").active[0])["at"] > 1_700_000_000_000
    finally:
        server.stop()


def test_langchain_redis_on_a_server_that_has_no_documents(source: redis.Redis, source_url: str, target: str) -> None:
    source.rpush("chat:list", "x")
    assert summary("migrate", "--from", "langchain-redis", source_url, "--url", target)["written"] == 0


def _can_be_kept(message: ChatMessage) -> bool:
    """Whether their store takes a message, and gives it back."""
    try:
        ChatMessage.model_validate_json(message.model_dump_json())
    except ValueError:
        return False
    return True


def test_llama_index(source: redis.Redis, source_url: str, target: str) -> None:
    with deprecations_ignored():
        module = pytest.importorskip("llama_index.storage.chat_store.redis")
    asynchronous = AsyncRedis.from_url(source_url)
    chat_store = module.RedisChatStore(redis_client=source, aredis_client=asynchronous)
    messages = [message for message in samples.EVERY_KIND.values() if _can_be_kept(message)]
    assert len(messages) > len(samples.EVERY_KIND) / 2
    for session_id in IDS:
        chat_store.set_messages(session_id, messages)
    theirs = {session_id: chat_store.get_messages(session_id) for session_id in IDS}
    asyncio.run(asynchronous.aclose())
    source.rpush("jobs", "x", '{"role": "worker"}')
    source.set("string", "x")
    with SessionManager.from_url(source_url) as sessions:  # records of ours are no messages of theirs
        SessionKitChatStore(sessions=sessions).set_messages("ours", messages)
        sessions.add_user_message("plain", "Hello")
    done = check_migration("llama-index", source, source_url, target)
    assert (done["written"], done["messages"], done["ignored"]) == (3, 3 * len(messages), 3)
    with SessionManager.from_url(target, ALL) as sessions:
        for session_id, expected in theirs.items():
            assert SessionKitChatStore(sessions=sessions).get_messages(session_id) == expected


JS_RECORDS = ('{"role":"user","content":"Grüße"}', '{"role":"assistant","content":"Hi"}')


def test_javascript(source: redis.Redis, source_url: str, target: str) -> None:
    for session_id in IDS:
        source.rpush(f"sessionkit:{session_id}", *JS_RECORDS)
    source.rpush("other:x", *JS_RECORDS)
    done = check_migration("javascript", source, source_url, target)
    assert (done["written"], done["messages"]) == (3, 6)
    with SessionManager.from_url(target) as sessions:
        assert sorted(sessions.list_sessions()) == sorted(IDS)
        for session_id in IDS:
            assert read_session(sessions.store, session_id).active == tuple(map(str.encode, JS_RECORDS))
    source.rpush("sessionkit:plain", '{"role":"developer","content":"x"}')
    assert summary("migrate", "--from", "javascript", source_url, "--url", target, code=1)["left_out"] == ["plain"]


def test_javascript_to_another_prefix(source: redis.Redis, source_url: str) -> None:
    source.rpush("sessionkit:plain", *JS_RECORDS)
    target = f"{source_url}?key_prefix=app:"
    assert summary("migrate", "--from", "javascript", source_url, "--url", target, "--yes")["written"] == 1
    assert source.lrange("app:plain", 0, -1) == [record.encode() for record in JS_RECORDS]
    back = ("migrate", "--from", "javascript", source_url, "--key-prefix", "app:", "--url", source_url, "--yes")
    assert summary(*back)["unchanged"] == 1


@pytest.mark.parametrize("written", ["", "?key_prefix=sessionkit:", "localhost"])
def test_javascript_where_nothing_needs_to_be_done(source: redis.Redis, source_url: str, written: str) -> None:
    for session_id in ("plain", "a b"):
        source.rpush(f"sessionkit:{session_id}", *JS_RECORDS)
    with SessionManager.from_url(source_url) as sessions:
        sessions.add_user_message("c d", "Hello")
    before = contents(source)
    url = source_url.replace("127.0.0.1", "localhost") if written == "localhost" else source_url + written
    done = run("migrate", "--from", "javascript", url, "--url", source_url, "--yes")
    assert done.stdout.startswith("nothing needs to be done")
    assert done.stderr.splitlines() == [
        "sessionkit: session 'a b' has characters in its id that need ?raw_ids=true in the URL of the store"
    ]
    assert contents(source) == before


def test_a_server_that_is_not_there_is_said_in_one_line(target: str) -> None:
    done = run("migrate", "--from", "langchain-community", "redis://user:secret@127.0.0.1:1", "--url", target, code=1)
    assert "cannot be reached" in done.stderr
    assert "secret" not in done.stderr
    assert len(done.stderr.splitlines()) == 1
