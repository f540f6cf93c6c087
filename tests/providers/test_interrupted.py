"""After a crash inside a tool loop the next prompt is one that every provider takes, whoever reads the session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, convert_to_openai_messages
from langchain_core.runnables import RunnableLambda
from langchain_core.runnables.history import RunnableWithMessageHistory
from llama_index.core.base.llms.types import ToolCallBlock
from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.llms import MockLLM
from llama_index.core.memory import ChatMemoryBuffer, Memory

from sessionkit_integrations import SessionManager
from sessionkit_integrations.langchain import SessionKitChatMessageHistory
from sessionkit_integrations.llama_index import SessionKitAsyncChatStore, SessionKitChatStore, SessionKitMemory
from sessionkit_integrations.window.open_calls import INTERRUPTED
from tests.providers.rules import openai

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from langchain_core.messages import BaseMessage
    from llama_index.core.base.llms.types import ChatMessage

    from tests.providers.clients import Provider

pytestmark = pytest.mark.usefixtures("own_loop")

USER: Any = {"role": "user", "content": "What is the weather in Lisbon and Porto?"}
NAMES = ("call_a", "call_b")
CALLING: Any = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        {"id": name, "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Lisbon"}'}}
        for name in NAMES
    ],
}


def result(call_id: str, content: str) -> Any:
    return {"role": "tool", "content": content, "tool_call_id": call_id, "name": "get_weather"}


def ask_plain(sessions: SessionManager) -> list[dict[str, Any]]:
    """Put the next question as plain users do, and return the prompt in OpenAI's shape, as the reader gave it."""
    sessions.add_user_message("s", "Hello?")
    prompt: list[Any] = [{**message} for message in sessions.get_session("s")]
    sessions.add_assistant_message("s", "Here I am.")
    return prompt


def ask_langchain(sessions: SessionManager) -> list[dict[str, Any]]:
    prompts: list[list[BaseMessage]] = []

    def answer(messages: list[BaseMessage]) -> AIMessage:
        prompts.append(messages)
        return AIMessage("Here I am.")

    runnable = RunnableWithMessageHistory(
        RunnableLambda(answer),
        SessionKitChatMessageHistory.factory(sessions),
    )
    runnable.invoke([HumanMessage("Hello?")], {"configurable": {"session_id": "s"}})
    told: Any = convert_to_openai_messages(prompts[0])
    return list(told)


def in_openai_shape(message: ChatMessage) -> dict[str, Any]:
    calls = [
        {"id": block.tool_call_id, "type": "function", "function": {"name": block.tool_name, "arguments": "{}"}}
        for block in message.blocks
        if isinstance(block, ToolCallBlock)
    ]
    more = {name: value for name, value in message.additional_kwargs.items() if name in ("tool_call_id", "name")}
    return {
        "role": message.role.value,
        "content": message.content,
        **({"tool_calls": calls} if calls else {}),
        **more,
    }


def ask_llama_index(memory_of: Callable[[SessionManager], Any]) -> Callable[[SessionManager], list[dict[str, Any]]]:
    def ask(sessions: SessionManager) -> list[dict[str, Any]]:
        prompts: list[Sequence[ChatMessage]] = []

        def hear(messages: Sequence[ChatMessage]) -> str:
            prompts.append(messages)
            return "Here I am."

        llm = MockLLM(max_tokens=2, messages_to_prompt=hear)
        SimpleChatEngine.from_defaults(llm=llm, memory=memory_of(sessions)).chat("Hello?")
        return [in_openai_shape(message) for message in prompts[0]]

    return ask


ASKING = {
    "plain": ask_plain,
    "RunnableWithMessageHistory": ask_langchain,
    "ChatMemoryBuffer": ask_llama_index(
        lambda sessions: ChatMemoryBuffer.from_defaults(
            chat_store=SessionKitChatStore(sessions=sessions), chat_store_key="s", tokenizer_fn=str.split
        )
    ),
    "Memory": ask_llama_index(
        lambda sessions: Memory.from_defaults(
            session_id="s", chat_store=SessionKitAsyncChatStore(sessions=sessions), tokenizer_fn=str.split
        )
    ),
    "SessionKitMemory": ask_llama_index(
        lambda sessions: SessionKitMemory.from_defaults(session_id="s", sessions=sessions, tokenizer_fn=str.split)
    ),
}


def check_openai(prompt: list[dict[str, Any]]) -> None:
    """Raise for a prompt that OpenAI would not take, but for fields that every client leaves out."""
    own = {"tool": {"name", "is_error"}}
    messages = [
        {name: value for name, value in message.items() if name not in own.get(message["role"], ())}
        for message in prompt
    ]
    openai.check({"messages": messages})


def answers(prompt: list[dict[str, Any]]) -> list[tuple[Any, Any]]:
    return [(message["tool_call_id"], message["content"]) for message in prompt if message["role"] == "tool"]


@pytest.mark.parametrize("asking", ASKING)
@pytest.mark.parametrize("finished", [0, 1])
def test_the_next_prompts_are_taken(asking: str, finished: int, provider: Provider) -> None:
    sessions, ask = SessionManager(3), ASKING[asking]
    done = [result(name, "sunny") for name in NAMES[:finished]]
    sessions.send_messages("s", [USER, CALLING, *done])  # and then a crash
    found = [(name, "sunny") for name in NAMES[:finished]]
    stored = sessions.store.read("s").records

    def check(expected: list[tuple[Any, Any]]) -> None:
        prompt = ask(sessions)
        assert answers(prompt) == expected
        check_openai(prompt)
        provider.ask("text", provider.request(sessions.get_session("s")))

    check([*found, *((name, INTERRUPTED) for name in NAMES[finished:])])
    assert sessions.store.read("s").records[: len(stored)] == stored
    sessions.send_message("s", result("call_b", "late"))
    check([*found, *((name, INTERRUPTED) for name in NAMES[finished:-1]), ("call_b", "late")][:: 1 if finished else -1])
    sessions.add_user_message("s", "Are you there?")
    check([])  # the call has left the window, and so has its late result


@pytest.mark.parametrize("asking", ASKING)
def test_a_result_that_never_had_its_call_is_not_asked_about(asking: str, provider: Provider) -> None:
    sessions = SessionManager(3)
    sessions.send_messages("s", [USER, result("call_x", "of a session that was cut")])
    prompt = ASKING[asking](sessions)
    assert answers(prompt) == []
    check_openai(prompt)
    provider.ask("text", provider.request(sessions.get_session("s")))
