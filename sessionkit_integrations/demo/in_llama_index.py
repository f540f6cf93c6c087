"""The offline model, and a chat with it, in LlamaIndex."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, CompletionResponse, LLMMetadata
from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.llms import CustomLLM
from llama_index.core.memory import ChatMemoryBuffer

from sessionkit_integrations.demo.answers import answer
from sessionkit_integrations.llama_index.chat_stores import SessionKitChatStore
from sessionkit_integrations.llama_index.codec import LlamaIndexCodec
from sessionkit_integrations.records.codec import PLAIN

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sessionkit_integrations.sessions.manager import SessionManager


class OfflineLLM(CustomLLM):
    """An LLM that answers from the history it is given."""

    @property
    def metadata(self) -> LLMMetadata:
        """The properties of the model that LlamaIndex asks for."""
        return LLMMetadata(is_chat_model=True, model_name="offline")

    def chat(self, messages: Sequence[ChatMessage], **_kwargs: Any) -> ChatResponse:
        """Answer a conversation."""
        codec = LlamaIndexCodec()
        plain = [PLAIN.decode(fields) for fields in codec.encode(messages)]
        return ChatResponse(message=codec.decode(dict(answer(plain))))

    def complete(self, prompt: str, formatted: bool = False, **_kwargs: Any) -> CompletionResponse:  # noqa: ARG002, FBT001, FBT002 - LlamaIndex's signature
        """Answer a single question."""
        return CompletionResponse(text=str(self.chat([ChatMessage(prompt)]).message.content))

    def stream_complete(self, prompt: str, formatted: bool = False, **_kwargs: Any) -> Any:  # noqa: ARG002, FBT001, FBT002 - LlamaIndex's signature
        """Answer a single question, in one piece."""
        yield self.complete(prompt)


def chat(sessions: SessionManager, session_id: str) -> Callable[[str], object]:
    """Return a function that asks a question in a session, through a chat engine."""
    memory = ChatMemoryBuffer.from_defaults(
        chat_store=SessionKitChatStore(sessions=sessions), chat_store_key=session_id, tokenizer_fn=str.split
    )
    return SimpleChatEngine.from_defaults(llm=OfflineLLM(), memory=memory).chat
