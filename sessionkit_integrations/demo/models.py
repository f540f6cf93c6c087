"""The offline model as LangChain and as LlamaIndex want one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import RunnableLambda
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, CompletionResponse, LLMMetadata
from llama_index.core.llms import CustomLLM

from sessionkit_integrations.demo.answers import answer, get_weather
from sessionkit_integrations.langchain_messages import LangChainCodec
from sessionkit_integrations.llama_index_messages import LlamaIndexCodec
from sessionkit_integrations.records import PlainCodec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_core.messages import BaseMessage
    from langchain_core.runnables import Runnable

    from sessionkit_integrations.messages import Message
    from sessionkit_integrations.records import Codec


class OfflineChatModel(BaseChatModel):
    """A LangChain chat model that answers from the history it is given."""

    @property
    def _llm_type(self) -> str:
        return "offline"

    def _generate(self, messages: list[BaseMessage], *_args: Any, **_kwargs: Any) -> ChatResult:
        reply = LangChainCodec().decode(dict(answer(_plain(LangChainCodec(), messages))))
        return ChatResult(generations=[ChatGeneration(message=reply)])


class OfflineLLM(CustomLLM):
    """A LlamaIndex LLM that answers from the history it is given."""

    @property
    def metadata(self) -> LLMMetadata:
        """What LlamaIndex wants to know of a model."""
        return LLMMetadata(is_chat_model=True, model_name="offline")

    def chat(self, messages: Sequence[ChatMessage], **_kwargs: Any) -> ChatResponse:
        """Answer a conversation."""
        reply = answer(_plain(LlamaIndexCodec(), messages))
        return ChatResponse(message=LlamaIndexCodec().decode(dict(reply)))

    def complete(self, prompt: str, formatted: bool = False, **_kwargs: Any) -> CompletionResponse:  # noqa: ARG002, FBT001, FBT002 - LlamaIndex's signature
        """Answer a single question."""
        return CompletionResponse(text=str(self.chat([ChatMessage(prompt)]).message.content))

    def stream_complete(self, prompt: str, formatted: bool = False, **_kwargs: Any) -> Any:  # noqa: ARG002, FBT001, FBT002 - LlamaIndex's signature
        """Answer a single question, in one piece."""
        yield self.complete(prompt)


def langchain_agent() -> Runnable[Any, list[BaseMessage]]:
    """Return a runnable that answers messages with all of a turn: tool calls, their results and the reply."""
    model = OfflineChatModel()

    def respond(messages: list[BaseMessage]) -> list[BaseMessage]:
        added: list[BaseMessage] = []
        while True:
            reply = model.invoke([*messages, *added])
            added.append(reply)
            if not reply.tool_calls:
                return added
            added += [
                ToolMessage(get_weather(**call["args"]), tool_call_id=str(call["id"]), name=call["name"])
                for call in reply.tool_calls
            ]

    return RunnableLambda(respond)


def _plain(codec: Codec[Any], messages: Sequence[Any]) -> list[Message]:
    return [PlainCodec().decode(dict(fields)) for fields in codec.encode(messages)]
