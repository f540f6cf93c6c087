"""Tokens of the messages of a session: counted once, when they are written, by whichever writer."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from llama_index.core.llms import ChatMessage, MessageRole
from llama_index.core.memory import Memory

from sessionkit_integrations import (
    InvalidMessageError,
    SessionKitAsyncChatStore,
    SessionKitChatMessageHistory,
    SessionKitChatStore,
    SessionKitMemory,
    SessionManager,
    Window,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessionkit_integrations import Message
    from tests.backends import StoreMaker

LLAMA_INDEX = (ChatMessage("question", role=MessageRole.USER), ChatMessage("answer", role=MessageRole.ASSISTANT))


class Counter:
    """Counts the messages that it is asked about."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, message: Message) -> int:
        self.asked += 1
        return len(str(message["content"]))


def by_plain(sessions: SessionManager) -> list[Any]:
    sessions.prompt("s", "question")
    sessions.add_assistant_message("s", "answer")
    return sessions.get_session("s")


def by_langchain(sessions: SessionManager) -> list[Any]:
    history = SessionKitChatMessageHistory("s", sessions)
    history.add_messages([HumanMessage("question"), AIMessage("answer")])
    return history.messages


def by_chat_store(sessions: SessionManager) -> list[Any]:
    store = SessionKitChatStore(sessions=sessions)
    for message in LLAMA_INDEX:
        store.add_message("s", message)
    return store.get_messages("s")


def by_memory(sessions: SessionManager) -> list[Any]:
    return asyncio.run(put_and_get(SessionKitMemory.from_defaults(session_id="s", sessions=sessions)))


def by_memory_that_evicts_itself(sessions: SessionManager) -> list[Any]:
    store = SessionKitAsyncChatStore(sessions=sessions, evict=False)
    return asyncio.run(put_and_get(Memory.from_defaults(session_id="s", chat_store=store)))


async def put_and_get(memory: Memory) -> list[Any]:
    for message in LLAMA_INDEX:
        await memory.aput(message)
    return await memory.aget()


@pytest.mark.parametrize(
    "write",
    [by_plain, by_langchain, by_chat_store, by_memory, by_memory_that_evicts_itself],
    ids=lambda by: by.__name__,
)
def test_every_writer_counts_a_message_once(make_store: StoreMaker, write: Callable[..., list[Any]]) -> None:
    counter = Counter()
    sessions = SessionManager(Window(tokens=1000), make_store(), count_tokens=counter)
    for turn in range(1, 4):
        assert len(write(sessions)) == 2 * turn
    info = sessions.describe("s")
    assert info is not None
    assert (counter.asked, info.tokens) == (6, 3 * len("questionanswer"))


def test_a_counter_that_refuses_what_is_stored_leaves_it_readable(
    make_store: StoreMaker, call: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    store = make_store(archive=True)
    call(SessionManager(store=store), "send_messages", "s", [{"role": "user", "content": "a secret"}] * 3)
    picky = SessionManager(Window(tokens=15), store, count_tokens=lambda each: 5 if each["content"] == "?" else -1)

    with caplog.at_level(logging.WARNING, "sessionkit_integrations"):
        assert len(call(picky, "get_session", "s")) == 2  # of 6 tokens each, by `approximate_tokens`
    assert len(caplog.messages) == 3
    assert "counted by approximate_tokens" in caplog.text
    assert "secret" not in caplog.text

    assert [each["content"] for each in call(picky, "prompt", "s", "?")] == ["a secret", "?"]
    with pytest.raises(InvalidMessageError, match="tokens"):
        call(picky, "prompt", "s", "!")
    assert len(call(picky, "get_session", "s")) == 2


def test_edits_count_as_well(make_store: StoreMaker, call: Callable[..., Any]) -> None:
    store = make_store()
    sessions = SessionManager(Window(tokens=15), store, count_tokens=lambda _: 5)
    call(sessions, "set_system_message", "s", "It begins with an edit.")
    assert call(sessions, "describe", "s").tokens == 5
    call(SessionKitChatStore(sessions=sessions), "set_messages", "other", [LLAMA_INDEX[0]] * 4)
    assert call(sessions, "describe", "other").tokens == 15
    call(SessionManager(2, store), "add_user_message", "other", "not counted, and evicts")
    assert call(sessions, "describe", "other").tokens == 5
