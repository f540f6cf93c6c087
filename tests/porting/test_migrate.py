"""Conversations of other packages, in real servers, become sessions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from sessionkit_integrations import SessionKitChatStore, SessionManager
from sessionkit_integrations.llama_index.codec import LlamaIndexCodec
from sessionkit_integrations.porting.stored import read_session
from tests.langchain.messages import EVERY_KIND
from tests.llama_index import samples
from tests.porting.commands import run, summary
from tests.porting.migrating import ALL, IDS, check_migration, contents, in_langchain, stored
from tests.porting.other_packages import can_be_kept, write_langchain_community, write_llama_index

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis

    from tests.servers import Server


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


def test_langchain_community(source: redis.Redis, source_url: str, target: str) -> None:
    theirs = {session_id: write_langchain_community(source, session_id, EVERY_KIND) for session_id in IDS}
    source.rpush("other", "x")
    done = check_migration("langchain-community", source, source_url, target)
    assert (done["written"], done["messages"], done["unreadable"]) == (3, 3 * len(EVERY_KIND), [])
    for session_id, messages in theirs.items():
        assert in_langchain(target, session_id) == messages
        assert [type(message) for message in messages] == [type(message) for message in EVERY_KIND]


def test_langchain_community_with_a_prefix_into_the_same_database(source: redis.Redis, source_url: str) -> None:
    theirs = write_langchain_community(source, "s", EVERY_KIND, "chats_")
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
    """Of a turn with an item that cannot be read nothing is brought, so that no call is left without its result."""
    write_langchain_community(source, "good", [HumanMessage("Hello")])
    call = AIMessage("", tool_calls=[{"name": "f", "args": {}, "id": "1"}])
    first, last = [HumanMessage("Hello"), AIMessage("Hi")], [HumanMessage("Bye")]
    write_langchain_community(source, "bad", [*first, HumanMessage("Now?"), call])
    for item in ("{", '{"type": "robot", "data": {}}', "[]", '{"type": "human", "data": {"content": 7}}', b"\xff"):
        source.lpush("message_store:bad", item)
    write_langchain_community(source, "bad", last)
    source.lpush(f"message_store:{'x' * 600}", json.dumps({"type": "human", "data": {"content": "x"}}))
    args = ("migrate", "--from", "langchain-community", source_url, "--url", target)
    dry = run(*args, code=1)
    assert "would leave out (cannot be read): bad (5 messages)\nwould write: good (1 message)\n" in dry.stdout
    assert [line.split(":")[1] for line in dry.stderr.splitlines()[:5]] == [
        f" session 'bad', message {position}" for position in range(4, 9)
    ]
    assert not Path(target.removeprefix("sqlite:///")).exists()
    done = summary(*args, "--yes", code=1)
    assert (done["written"], done["left_out"]) == (1, ["bad", "x" * 600])
    done = summary(*args, "--yes", "--skip-corrupt", code=1)
    assert (done["written"], done["unchanged"], done["left_out"]) == (1, 1, ["x" * 600])
    assert in_langchain(target, "bad") == [*first, *last]


def test_sessions_that_went_on_are_refused(source: redis.Redis, source_url: str, target: str) -> None:
    theirs = write_langchain_community(source, "s", [HumanMessage("Hello")])
    args = ("migrate", "--from", "langchain-community", source_url, "--url", target, "--yes")
    run(*args)
    with SessionManager.from_url(target) as sessions:
        sessions.add_assistant_message("s", "Hi")
    assert "session 's' is there with other messages" in run(*args, code=1).stderr
    assert len(in_langchain(target, "s")) == 2
    assert summary(*args, "--overwrite")["overwritten"] == 1
    assert in_langchain(target, "s") == theirs


def test_what_was_stored_meanwhile_is_brought_by_a_second_run(
    source: redis.Redis, source_url: str, target: str
) -> None:
    theirs = {session_id: write_langchain_community(source, session_id, [HumanMessage("Hello")]) for session_id in IDS}
    args = ("migrate", "--from", "langchain-community", source_url, "--url", target, "--yes")
    assert summary(*args)["written"] == len(IDS)
    theirs[IDS[0]] += write_langchain_community(source, IDS[0], [AIMessage("Hi")])
    done = summary(*args, "--overwrite")
    assert (done["written"], done["overwritten"], done["unchanged"]) == (0, 1, len(IDS) - 1)
    assert {session_id: in_langchain(target, session_id) for session_id in IDS} == theirs


def test_langchain_redis_on_a_server_that_has_no_documents(source: redis.Redis, source_url: str, target: str) -> None:
    source.rpush("chat:list", "x")
    assert summary("migrate", "--from", "langchain-redis", source_url, "--url", target)["written"] == 0


@pytest.mark.parametrize("prefix", [None, "app:"])
def test_a_place_that_holds_no_conversations_is_said(
    source: redis.Redis, source_url: str, target: str, prefix: str | None
) -> None:
    source.rpush("message_store", "x")
    args = () if prefix is None else ("--key-prefix", prefix)
    done = run("migrate", "--from", "langchain-community", source_url, "--url", target, *args)
    where = "" if prefix is None else " under keys that begin with 'app:'"
    assert done.stderr == (
        f"sessionkit: no conversations of langchain-community were found{where}: check the database of the URL, and"
        " --key-prefix\n"
    )


def test_llama_index(source: redis.Redis, source_url: str, target: str) -> None:
    messages = [message for message in samples.EVERY_KIND.values() if can_be_kept(message)]
    assert len(messages) > len(samples.EVERY_KIND) / 2
    theirs = {session_id: write_llama_index(source, session_id, messages) for session_id in IDS}
    source.rpush("jobs", "x", '{"role": "worker"}')
    source.set("string", "x")
    with SessionManager.from_url(source_url) as sessions:  # records of ours are no messages of theirs
        SessionKitChatStore(sessions=sessions).set_messages("ours", messages)
        sessions.add_user_message("plain", "Hello")
    done = check_migration("llama-index", source, source_url, target)
    assert (done["written"], done["messages"], done["ignored"]) == (3, 3 * len(messages), 3)
    with SessionManager.from_url(target, ALL) as sessions:
        for session_id, expected in theirs.items():
            assert stored(sessions, session_id, LlamaIndexCodec()) == expected


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
            assert read_session(sessions, session_id).active == tuple(map(str.encode, JS_RECORDS))
    source.rpush("sessionkit:plain", '{"role":"robot","content":"x"}')
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
