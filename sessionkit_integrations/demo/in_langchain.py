"""The offline model, and a chat with it, in LangChain."""

from __future__ import annotations

import json
import re
import warnings
from typing import TYPE_CHECKING, Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage, ToolMessage
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder

from sessionkit_integrations.demo.answers import answer, get_weather
from sessionkit_integrations.langchain.codec import LangChainCodec
from sessionkit_integrations.langchain.history import SessionKitChatMessageHistory
from sessionkit_integrations.langchain.summarizing import summarizer
from sessionkit_integrations.records.codec import PLAIN
from sessionkit_integrations.records.recalled import TOOL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sessionkit_integrations.sessions.manager import SessionManager


class OfflineChatModel(BaseChatModel):
    """A chat model that answers from the history it is given.

    Attributes:
        recalls: Whether it was given the tool that recalls earlier turns.
    """

    recalls: bool = False

    @property
    def _llm_type(self) -> str:
        return "offline"

    def _generate(self, messages: list[BaseMessage], *_args: Any, **_kwargs: Any) -> ChatResult:
        codec = LangChainCodec()
        plain = [PLAIN.decode(fields) for fields in codec.encode(messages)]
        return ChatResult(generations=[ChatGeneration(message=codec.decode(dict(answer(plain, recalls=self.recalls))))])

    def _stream(self, messages: list[BaseMessage], *_args: Any, **_kwargs: Any) -> Iterator[ChatGenerationChunk]:
        reply = self._generate(messages).generations[0].message
        *words, last = re.findall(r"\s*\S+", reply.text) or [""]
        for word in words:
            yield ChatGenerationChunk(message=AIMessageChunk(content=word))
        calls = [
            tool_call_chunk(name=call["name"], args=json.dumps(call["args"]), id=call["id"], index=index)
            for index, call in enumerate(reply.tool_calls)  # type: ignore[attr-defined]  # it is an AIMessage
        ]
        yield ChatGenerationChunk(message=AIMessageChunk(content=last, tool_call_chunks=calls, chunk_position="last"))

    def bind_tools(self, tools: Sequence[Any], **_kwargs: Any) -> OfflineChatModel:
        """Return the model, which knows how to use ``get_weather`` and the tool that recalls, and no other."""
        return OfflineChatModel(recalls=any(getattr(tool, "name", None) == TOOL for tool in tools))


summarize = summarizer(OfflineChatModel())
"""The summarizer of the demonstration, by the offline model."""


def chat(sessions: SessionManager, session_id: str) -> Callable[[str], object]:
    """Return a function that asks a question in a session, through a `RunnableWithMessageHistory`."""
    histories = SessionKitChatMessageHistory.factory(sessions)
    from langchain_core.runnables.history import RunnableWithMessageHistory  # noqa: PLC0415 - LangChain 2.0 has none

    prompt = ChatPromptTemplate.from_messages([MessagesPlaceholder("history"), ("human", "{question}")])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # LangChain would like LangGraph to be used instead
        chain = RunnableWithMessageHistory(
            prompt | _respond,
            histories,
            input_messages_key="question",
            history_messages_key="history",
        )
    return lambda question: chain.invoke({"question": question}, {"configurable": {"session_id": session_id}})


def _respond(prompt: Any) -> list[BaseMessage]:
    """Return the rest of a turn after its question: tool calls, their results and the reply."""
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
