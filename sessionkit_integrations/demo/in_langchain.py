"""The offline model, and a chat with it, in LangChain."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables.history import RunnableWithMessageHistory

from sessionkit_integrations.demo.answers import answer, get_weather
from sessionkit_integrations.langchain import SessionKitChatMessageHistory
from sessionkit_integrations.langchain_messages import LangChainCodec
from sessionkit_integrations.records import PlainCodec

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessionkit_integrations.manager import SessionManager


class OfflineChatModel(BaseChatModel):
    """A chat model that answers from the history it is given."""

    @property
    def _llm_type(self) -> str:
        return "offline"

    def _generate(self, messages: list[BaseMessage], *_args: Any, **_kwargs: Any) -> ChatResult:
        codec = LangChainCodec()
        plain = [PlainCodec().decode(fields) for fields in codec.encode(messages)]
        return ChatResult(generations=[ChatGeneration(message=codec.decode(dict(answer(plain))))])


def chat(sessions: SessionManager, session_id: str) -> Callable[[str], object]:
    """Return what asks a question in a session, through a `RunnableWithMessageHistory`."""
    prompt = ChatPromptTemplate.from_messages([MessagesPlaceholder("history"), ("human", "{question}")])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # LangChain would like LangGraph to be used instead
        chain = RunnableWithMessageHistory(
            prompt | _respond,
            SessionKitChatMessageHistory.factory(sessions),
            input_messages_key="question",
            history_messages_key="history",
        )
    return lambda question: chain.invoke({"question": question}, {"configurable": {"session_id": session_id}})


def _respond(prompt: Any) -> list[BaseMessage]:
    """Return all of a turn that follows its question: tool calls, their results and the reply."""
    messages: list[BaseMessage] = prompt.to_messages()
    added: list[BaseMessage] = []
    while True:
        reply = OfflineChatModel().invoke([*messages, *added])
        added.append(reply)
        if not reply.tool_calls:
            return added
        added += [
            ToolMessage(get_weather(**call["args"]), tool_call_id=str(call["id"]), name=call["name"])
            for call in reply.tool_calls
        ]
