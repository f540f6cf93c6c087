"""Ways to run a `RunnableWithMessageHistory`, and what is run in it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeAlias

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda
from langchain_core.runnables.history import RunnableWithMessageHistory

from sessionkit_integrations.langchain import SessionKitChatMessageHistory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from langchain_core.messages.ai import UsageMetadata

    from sessionkit_integrations import SessionManager

Ran: TypeAlias = "Callable[[Runnable[Any, Any], Any, RunnableConfig], object]"


def _stream(runnable: Runnable[Any, Any], value: Any, config: RunnableConfig) -> object:
    return list(runnable.stream(value, config))


def _astream(runnable: Runnable[Any, Any], value: Any, config: RunnableConfig) -> object:
    async def streamed() -> list[Any]:
        return [chunk async for chunk in runnable.astream(value, config)]

    return asyncio.run(streamed())


RUN: dict[str, Ran] = {
    "invoke": lambda runnable, value, config: runnable.invoke(value, config),
    "ainvoke": lambda runnable, value, config: asyncio.run(runnable.ainvoke(value, config)),
    "stream": _stream,
    "astream": _astream,
    "batch": lambda runnable, value, config: runnable.batch([value], config),
    "abatch": lambda runnable, value, config: asyncio.run(runnable.abatch([value], config)),
}


class Parrot(BaseChatModel):
    """Says how many messages it was given and the last of them, word by word where it is streamed."""

    @property
    def _llm_type(self) -> str:
        return "parrot"

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=AIMessage(said(messages), usage_metadata=usage(3)))])

    def _stream(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        first, rest = said(messages).split(" ", 1)
        for content, tokens in ((first, 1), (f" {rest}", 2)):
            yield ChatGenerationChunk(message=AIMessageChunk(content=content, usage_metadata=usage(tokens)))


def usage(tokens: int) -> UsageMetadata:
    return {"input_tokens": 0, "output_tokens": tokens, "total_tokens": tokens}


def said(messages: Sequence[BaseMessage]) -> str:
    return f"{len(messages)} {messages[-1].text}"


def answering(answer: Callable[[Any], Any], meanwhile: Callable[[], object] | None = None) -> Runnable[Any, Any]:
    """Return what answers an input, in a thread or in a loop, after something else has happened."""

    def run(value: Any) -> Any:
        if meanwhile is not None:
            meanwhile()
        return answer(value)

    async def arun(value: Any) -> Any:
        return run(value)

    return RunnableLambda(run, arun)


def with_history(runnable: Runnable[Any, Any], sessions: SessionManager, **options: Any) -> RunnableWithMessageHistory:
    return RunnableWithMessageHistory(runnable, SessionKitChatMessageHistory.factory(sessions), **options)


def session(session_id: str = "s") -> RunnableConfig:
    return {"configurable": {"session_id": session_id}}


def texts(messages: Sequence[BaseMessage]) -> list[tuple[str, str]]:
    return [(message.type, message.text) for message in messages]


def question(text: str) -> list[BaseMessage]:
    return [HumanMessage(text)]
