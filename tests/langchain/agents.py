"""Agents of LangChain with scripted models, and what is asked of every prompt that a model is given."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from langchain.agents import create_agent
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.tools import tool
from pydantic import Field

from sessionkit_integrations.langchain import SessionKitChatMessageHistory, SessionKitMiddleware

if TYPE_CHECKING:
    from collections.abc import Iterator

    from langchain_core.runnables import RunnableConfig

    from sessionkit_integrations import SessionManager

Answer = Any
"""A message, a text, an error to raise, or a callable that makes one of the messages."""


class Scripted(BaseChatModel):
    """Gives answers in order, then says how many messages it was given, and keeps its prompts."""

    answers: list[Answer] = Field(default_factory=list)
    prompts: list[list[BaseMessage]] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self._answer(messages))])

    def _stream(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        message = self._answer(messages)
        calls: Any = [
            {"name": call["name"], "args": "{}", "id": call["id"], "index": index, "type": "tool_call_chunk"}
            for index, call in enumerate(message.tool_calls)
        ]
        if calls or not message.text:
            yield ChatGenerationChunk(message=AIMessageChunk(content="", tool_call_chunks=calls))
            return
        for word in message.text.split(" "):
            yield ChatGenerationChunk(message=AIMessageChunk(content=word))

    def _answer(self, messages: list[BaseMessage]) -> AIMessage:
        self.prompts.append(list(messages))
        answer = self.answers.pop(0) if self.answers else f"{len(messages)} seen"
        if not isinstance(answer, (str, AIMessage, BaseException)):
            answer = answer(messages)
        if isinstance(answer, BaseException):
            raise answer
        return AIMessage(answer) if isinstance(answer, str) else answer


def calls(*ids: str, name: str = "look", **args: Any) -> AIMessage:
    """Return a message that calls a tool once for each id."""
    return AIMessage("", tool_calls=[{"name": name, "args": args, "id": each, "type": "tool_call"} for each in ids])


@tool
def look() -> str:
    """Look around."""
    return "seen"


@tool
def stumble() -> str:
    """Raise."""
    raise RuntimeError("stumbled")


def agent(
    sessions: SessionManager,
    *answers: Answer,
    before: Sequence[Any] = (),
    after: Sequence[Any] = (),
    tools: Sequence[Any] = (look, stumble),
    save: Any = "step",
    session_id: Any = None,
    recall: bool = False,
    exclusive: bool = False,
    **options: Any,
) -> tuple[Any, Scripted]:
    """Return an agent with other middleware listed before and after ours, and its model."""
    model = Scripted(answers=list(answers))
    ours = SessionKitMiddleware(sessions, session_id=session_id, save=save, recall=recall, exclusive=exclusive)
    return create_agent(model, list(tools), middleware=[*before, ours, *after], **options), model


def thread(thread_id: Any = "s") -> RunnableConfig:
    return {"configurable": {"thread_id": thread_id}}


def said(text: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}]}


def texts(messages: Sequence[BaseMessage]) -> list[tuple[str, str]]:
    """Return types and texts, and the ids of calls in place of the text of a message without one."""
    return [
        (each.type, each.text or ",".join(str(call["id"]) for call in getattr(each, "tool_calls", ())))
        for each in messages
    ]


def stored(sessions: SessionManager, session_id: str = "s") -> list[tuple[str, str]]:
    """Return the records of a session as they are, without answers that were made up."""
    snapshot = SessionKitChatMessageHistory(session_id, sessions)._sessions.snapshot(session_id)
    return texts(snapshot.messages("preamble", "window"))


def check(prompt: Sequence[BaseMessage]) -> None:
    """Fail unless a model's provider would take a prompt, and each message is in it once."""
    rest = [message for message in prompt if message.type != "system"]
    assert rest, texts(prompt)
    assert rest[0].type == "human", texts(prompt)
    ids = [message.id for message in prompt if message.id]
    assert len(ids) == len(set(ids)), texts(prompt)
    waiting: list[str] = []
    for message in rest:
        if isinstance(message, ToolMessage):
            assert message.tool_call_id in waiting, texts(prompt)
            waiting.remove(message.tool_call_id)
            continue
        assert not waiting, texts(prompt)
        if isinstance(message, AIMessage):
            waiting = [str(call["id"]) for call in (*message.tool_calls, *message.invalid_tool_calls)]
    assert not waiting, texts(prompt)


Invoked = Callable[..., Any]


def _stream(graph: Any, value: Any, config: Any, **options: Any) -> Any:
    return list(graph.stream(value, config, stream_mode="values", **options))[-1]


async def _astream(graph: Any, value: Any, config: Any, **options: Any) -> Any:
    return [chunk async for chunk in graph.astream(value, config, stream_mode="values", **options)][-1]


RUN: dict[str, Invoked] = {
    "invoke": lambda graph, *args, **options: graph.invoke(*args, **options),
    "ainvoke": lambda graph, *args, **options: asyncio.run(graph.ainvoke(*args, **options)),
    "stream": _stream,
    "astream": lambda graph, *args, **options: asyncio.run(_astream(graph, *args, **options)),
    "batch": lambda graph, value, config, **options: graph.batch([value], config, **options)[0],
    "abatch": lambda graph, value, config, **options: asyncio.run(graph.abatch([value], config, **options))[0],
}
"""Ways to run an agent; each returns its result."""
