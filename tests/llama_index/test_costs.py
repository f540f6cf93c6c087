"""Costs of the hot calls for a Redis server."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.memory import ChatMemoryBuffer

from sessionkit_integrations import RedisStore, SessionKitAsyncChatStore, SessionKitChatStore, SessionManager
from sessionkit_integrations.stores.redis import scripted
from tests.llama_index.engines import Ears, achat, buffer_memory, chat, make_engine, queue_memory, split
from tests.llama_index.samples import CALL, assistant, text, user

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.backends import Backends
    from tests.servers import Server

LUA = Path(scripted.__file__).parent / "lua"
CALLED_BY_SCRIPTS = {
    name.lower() for file in LUA.glob("*.lua") for name in re.findall(r"'([A-Z]+)'", file.read_text(encoding="utf-8"))
}
HELLO = user(text("Hello"))
FOUND = ChatMessage(role="tool", content="found", additional_kwargs={"tool_call_id": "call_1", "name": "search"})
BATCH = [HELLO, assistant(CALL), FOUND, HELLO]


@pytest.fixture
async def sessions(redis_server: Server) -> AsyncIterator[SessionManager]:
    """A session longer than its window, on connections that are open and with scripts that are loaded."""
    async with SessionManager(3, RedisStore(redis_server.url, key_prefix="costs:")) as made:
        store, astore = SessionKitChatStore(sessions=made), SessionKitAsyncChatStore(sessions=made)
        for _ in range(5):
            store.add_message("s", HELLO)
            await astore.add_messages("s", BATCH)
        assert store.get_messages("s") == await astore.get_messages("s") == [HELLO, *BATCH]
        yield made


def buffer(sessions: SessionManager) -> ChatMemoryBuffer:
    store = SessionKitChatStore(sessions=sessions)
    return ChatMemoryBuffer.from_defaults(chat_store=store, chat_store_key="s", tokenizer_fn=split)


@pytest.mark.parametrize(
    ("call", "command"),
    [
        (lambda one: SessionKitChatStore(sessions=one).add_message("s", HELLO), "evalsha"),
        (lambda one: SessionKitChatStore(sessions=one).async_add_message("s", HELLO), "evalsha"),
        (lambda one: SessionKitAsyncChatStore(sessions=one).add_message("s", HELLO), "evalsha"),
        (lambda one: SessionKitAsyncChatStore(sessions=one).add_messages("s", BATCH), "evalsha"),
        (lambda one: buffer(one).put(HELLO), "evalsha"),
        (lambda one: SessionKitChatStore(sessions=one).get_messages("s"), "lrange"),
        (lambda one: SessionKitChatStore(sessions=one).aget_messages("s"), "lrange"),
        (lambda one: SessionKitAsyncChatStore(sessions=one).get_messages("s"), "lrange"),
        (lambda one: SessionKitAsyncChatStore(sessions=one).count_messages("s"), "lrange"),
        (lambda one: buffer(one).get(), "lrange"),
    ],
)
async def test_one_call_is_one_command(
    call: Callable[[SessionManager], Any], command: str, sessions: SessionManager, redis_server: Server
) -> None:
    with redis_server.client() as client:
        client.config_resetstat()
        result = call(sessions)
        if inspect.isawaitable(result):
            await result
        stats: Any = client.info("commandstats")
    calls = {name.removeprefix("cmdstat_"): counts["calls"] for name, counts in stats.items()}
    assert calls.pop(command) == 1
    assert "config|resetstat" in calls
    # The statistics count what a script calls as well; an LRANGE would be a read, which a steady append needs none of.
    within = CALLED_BY_SCRIPTS - {"lrange"} if command == "evalsha" else set()
    assert set(calls) <= {"config|resetstat"} | within


def sent(server: Server) -> dict[str, int]:
    """Return the commands that a server was sent since CONFIG RESETSTAT, those of scripts and of this count apart."""
    with server.client() as client:
        stats: Any = client.info("commandstats")
    calls = {name.removeprefix("cmdstat_"): counts["calls"] for name, counts in stats.items()}
    others = {"config|resetstat", "hello", "client|setinfo", "info"} | CALLED_BY_SCRIPTS - {"lrange"}
    return {name: count for name, count in calls.items() if name not in others}


async def test_a_turn_of_a_chat_engine_is_a_write_for_each_message_and_a_read(
    sessions: SessionManager, redis_server: Server
) -> None:
    engine = make_engine(SimpleChatEngine, buffer_memory(sessions, "engine"), Ears())
    for _ in range(5):  # more than the window holds
        with redis_server.client() as client:
            client.config_resetstat()
        chat(engine, "Hello")
        assert sent(redis_server) == {"evalsha": 2, "lrange": 1}


async def test_a_turn_on_a_memory_reads_once_more_after_each_write(
    sessions: SessionManager, redis_server: Server
) -> None:
    """LlamaIndex's `Memory` looks after each message at how long its queue is."""
    engine = make_engine(SimpleChatEngine, queue_memory(sessions, "engine"), Ears())
    for _ in range(5):
        with redis_server.client() as client:
            client.config_resetstat()
        await achat(engine, "Hello")
        assert sent(redis_server) == {"evalsha": 2, "lrange": 3}


def test_a_turn_on_upstash_is_three_requests(backends: Backends) -> None:
    with SessionManager(3, backends.maker("upstash")()) as sessions:
        engine = make_engine(SimpleChatEngine, buffer_memory(sessions, "s"), Ears())
        chat(engine, "Hello")
        before = backends.upstash().requests
        chat(engine, "Hello")
        assert backends.upstash().requests - before == 3
