"""The 50 real conversations, message by message, through both adapters in memory; some of them on the other stores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import SessionKitChatMessageHistory, SessionKitChatStore, SessionManager
from sessionkit_integrations.langchain.codec import LangChainCodec
from sessionkit_integrations.llama_index.codec import LlamaIndexCodec
from tests.conversations import Conversation, flaw, in_window, real_conversations

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.backends import StoreMaker

    Call = Callable[..., Any]


EVERY = {"memory": 1, "sqlite": 3, "redis-8.2": 3}
"""Which of the conversations: all where they take least, and else every third or eighth."""


class Plain:
    """Conversations as plain messages."""

    def __init__(self, sessions: SessionManager, call: Call) -> None:
        self._sessions, self._call = sessions, call

    def message(self, message: dict[str, Any]) -> Any:
        return message

    def add(self, session_id: str, message: Any) -> None:
        self._call(self._sessions, "send_message", session_id, message)

    def read(self, session_id: str) -> list[Any]:
        messages: list[Any] = self._call(self._sessions, "get_session", session_id)
        return messages


class LangChain(Plain):
    """The same through the chat message history."""

    def message(self, message: dict[str, Any]) -> Any:
        return LangChainCodec().decode(dict(message))

    def add(self, session_id: str, message: Any) -> None:
        self._call(SessionKitChatMessageHistory(session_id, self._sessions), "add_messages", [message])

    def read(self, session_id: str) -> list[Any]:
        history = SessionKitChatMessageHistory(session_id, self._sessions)
        messages: list[Any] = self._call(_Readable(history), "read")
        return messages


class _Readable:
    """A history's reads under names that are twins."""

    def __init__(self, history: SessionKitChatMessageHistory) -> None:
        self.read = lambda: history.messages
        self.aread = history.aget_messages


class LlamaIndex(Plain):
    """The same through the chat store."""

    def message(self, message: dict[str, Any]) -> Any:
        return LlamaIndexCodec().decode(dict(message))

    def add(self, session_id: str, message: Any) -> None:
        chat_store = SessionKitChatStore(sessions=self._sessions)
        self._call(_Addable(chat_store), "add", session_id, message)

    def read(self, session_id: str) -> list[Any]:
        messages: list[Any] = self._call(SessionKitChatStore(sessions=self._sessions), "get_messages", session_id)
        return messages


class _Addable:
    """A chat store's writes under names that are twins."""

    def __init__(self, chat_store: SessionKitChatStore) -> None:
        self.add = chat_store.add_message
        self.aadd = chat_store.async_add_message


@pytest.mark.slow
@pytest.mark.pairwise
@pytest.mark.parametrize("turns", [1, 3, 10])
@pytest.mark.parametrize("adapter", [Plain, LangChain, LlamaIndex])
def test_every_prompt_is_valid_and_the_oracles(
    adapter: type[Plain], turns: int, make_store: StoreMaker, call: Call, request: pytest.FixtureRequest
) -> None:
    conversations = real_conversations()[:: EVERY.get(request.node.callspec.params["make_store"], 8)]
    through = adapter(SessionManager(turns, make_store()), call)
    prompts = 0
    for number, conversation in enumerate(conversations):
        session_id = f"conversation-{number}"
        converted = [through.message(message) for message in conversation]
        places = {id(message): index for index, message in enumerate(conversation)}
        for index, message in enumerate(conversation):
            if message["role"] == "assistant":
                expected = in_window(conversation[:index], turns)
                assert flaw(expected) is None
                assert through.read(session_id) == [converted[places[id(each)]] for each in expected]
                prompts += 1
            through.add(session_id, converted[index])
    assert prompts == sum(message["role"] == "assistant" for each in conversations for message in each)


def test_trimming_by_messages_breaks_prompts() -> None:
    """The rules are for this: the last 2N messages, as others keep them, are refused time and again."""
    broken = dict.fromkeys((1, 3, 10), 0)
    prompts = 0
    for conversation in real_conversations():
        for index, message in enumerate(conversation):
            if message["role"] == "assistant":
                prompts += 1
                for turns in broken:
                    broken[turns] += flaw(conversation[:index][-2 * turns :]) is not None
    assert prompts == 642
    assert broken == {1: 592, 3: 492, 10: 198}


def test_flaws_are_found() -> None:
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    user = {"role": "user", "content": "x"}
    calling = {"role": "assistant", "content": None, "tool_calls": [call]}
    result = {"role": "tool", "tool_call_id": "1", "content": "y"}
    good: Conversation = [{"role": "system", "content": "s"}, user, calling, result]
    assert flaw(good) is None
    assert flaw([calling, result]) == "does not open with a user message"
    assert flaw([user, result]) == "has a tool result whose call is gone"
    assert flaw([user, calling]) == "leaves a tool call without its result"
    assert flaw([user, calling, user, result]) == "leaves a tool call without its result"
