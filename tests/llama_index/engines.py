"""LlamaIndex's chat engines on a language model and a retriever that need no network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.chat_engine import CondensePlusContextChatEngine, ContextChatEngine, SimpleChatEngine
from llama_index.core.llms import MockLLM
from llama_index.core.memory import ChatMemoryBuffer, Memory
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from sessionkit_integrations import SessionKitAsyncChatStore, SessionKitChatStore, SessionManager

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llama_index.core.base.llms.types import ChatMessage
    from llama_index.core.chat_engine.types import BaseChatEngine
    from llama_index.core.memory import BaseMemory

REPLY = "text text"
ENGINES = (SimpleChatEngine, ContextChatEngine, CondensePlusContextChatEngine)


def split(value: str) -> list[str]:
    return value.split()


class OneNodeRetriever(BaseRetriever):
    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return [NodeWithScore(node=TextNode(text="the context"), score=1.0)]


class Ears:
    """A language model that keeps what it is told."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.llm = MockLLM(max_tokens=2, messages_to_prompt=self._hear)

    def _hear(self, messages: Sequence[ChatMessage]) -> str:
        self.heard.append("\n".join(str(message.content) for message in messages))
        return self.heard[-1]


def buffer_memory(sessions: SessionManager, session_id: str, **options: Any) -> BaseMemory:
    store = SessionKitChatStore(sessions=sessions)
    return ChatMemoryBuffer.from_defaults(chat_store=store, chat_store_key=session_id, tokenizer_fn=split, **options)


def queue_memory(sessions: SessionManager, session_id: str, **options: Any) -> BaseMemory:
    store = SessionKitAsyncChatStore(sessions=sessions)
    return Memory.from_defaults(chat_store=store, session_id=session_id, tokenizer_fn=split, **options)


def make_engine(kind: type[Any], memory: BaseMemory, ears: Ears) -> BaseChatEngine:
    retriever = {} if kind is SimpleChatEngine else {"retriever": OneNodeRetriever()}
    engine: BaseChatEngine = kind.from_defaults(llm=ears.llm, memory=memory, **retriever)
    return engine


def chat(engine: BaseChatEngine, message: str) -> str:
    return str(engine.chat(message))


def stream_chat(engine: BaseChatEngine, message: str) -> str:
    return "".join(engine.stream_chat(message).response_gen)


async def achat(engine: BaseChatEngine, message: str) -> str:
    return str(await engine.achat(message))


async def astream_chat(engine: BaseChatEngine, message: str) -> str:
    response = await engine.astream_chat(message)
    return "".join([token async for token in response.async_response_gen()])
