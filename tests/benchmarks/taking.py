"""Whole turns of a chain, of a graph and of a chat engine, with a model that answers at once."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables.history import RunnableWithMessageHistory
from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.llms import MockLLM
from llama_index.core.memory import ChatMemoryBuffer, Memory

from tests.benchmarks import keep_langchain
from tests.benchmarks.keep_llama_index import split
from tests.benchmarks.keeping import deprecations_ignored
from tests.benchmarks.setting import turns

if TYPE_CHECKING:
    from contextlib import AsyncExitStack

    from llama_index.core.memory import BaseMemory
    from llama_index.core.storage.chat_store.base import BaseChatStore
    from llama_index.core.storage.chat_store.base_db import AsyncDBChatStore

    from tests.benchmarks.measuring import Side
    from tests.benchmarks.setting import Setting

ANSWER = "It is: your fare allows one change for free, until two hours before departure."
TOKENS = 3_000
"""Tokens that LlamaIndex's memories hold: the default of its buffer."""


class Echo(BaseChatModel):
    """A model that answers at once."""

    @property
    def _llm_type(self) -> str:
        return "echo"

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=AIMessage(ANSWER))])


@dataclass(frozen=True)
class Turn:
    """Who takes a turn, and how.

    Attributes:
        name: What the table calls it.
        take: Takes the next turn of a conversation.
    """

    name: str
    take: Side


def chain_turn(name: str, histories: Any) -> Turn:
    """Return the turn of a LangChain chain, given what makes the history of a session."""
    prompt = ChatPromptTemplate.from_messages([MessagesPlaceholder("history"), ("human", "{question}")])
    with deprecations_ignored():
        chain = RunnableWithMessageHistory(
            prompt | Echo(), histories, input_messages_key="question", history_messages_key="history"
        )
    questions = _questions()
    return Turn(name, lambda: chain.invoke({"question": next(questions)}, {"configurable": {"session_id": "chain"}}))


def graph_turn(setting: Setting, stack: AsyncExitStack) -> Turn:
    """Return the turn of a LangGraph graph."""
    model = Echo()
    graph = keep_langchain.graph(setting, stack, model.invoke)
    questions = _questions()
    config = keep_langchain.thread("graph")
    return Turn(
        keep_langchain.LANGGRAPH.name,
        lambda: graph.invoke({"messages": [{"role": "user", "content": next(questions)}]}, config),
    )


def engine_turn(name: str, store: BaseChatStore) -> Turn:
    """Return the turn of a LlamaIndex chat engine whose memory is a buffer on a chat store."""
    memory = ChatMemoryBuffer.from_defaults(
        chat_store=store, chat_store_key="engine", tokenizer_fn=split, token_limit=TOKENS
    )
    engine, questions = _engine(memory), _questions()
    return Turn(name, lambda: engine.chat(next(questions)))


def async_engine_turn(name: str, store: AsyncDBChatStore) -> Turn:
    """Return the turn of a LlamaIndex chat engine on a `Memory`."""
    memory = Memory.from_defaults(chat_store=store, session_id="async-engine", tokenizer_fn=split, token_limit=TOKENS)
    engine, questions = _engine(memory), _questions()
    return Turn(name, lambda: engine.achat(next(questions)))


def _engine(memory: BaseMemory) -> SimpleChatEngine:
    return SimpleChatEngine.from_defaults(llm=MockLLM(max_tokens=len(split(ANSWER))), memory=memory)


def _questions() -> Any:
    return itertools.cycle([turn[0]["content"] for turn in turns(100)])
