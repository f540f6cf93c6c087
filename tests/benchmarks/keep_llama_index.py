"""Chat stores of LlamaIndex."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

import redis
from llama_index.core.memory import Memory
from redis.asyncio import Redis as AsyncRedis

from sessionkit_integrations import SessionKitAsyncChatStore, SessionKitChatStore
from sessionkit_integrations.llama_index.codec import LlamaIndexCodec
from tests.benchmarks.keeping import Keeper, Peer, deprecations_ignored
from tests.upstash_rest import TOKEN

if TYPE_CHECKING:
    from contextlib import AsyncExitStack

    from llama_index.core.base.llms.types import ChatMessage
    from llama_index.core.storage.chat_store.base import BaseChatStore
    from llama_index.core.storage.chat_store.base_db import AsyncDBChatStore

    from sessionkit_integrations import Message, SessionManager
    from tests.benchmarks.setting import Setting


def convert(message: Message) -> ChatMessage:
    """Return a message as LlamaIndex's."""
    return LlamaIndexCodec().decode(dict(message))


def split(text: str) -> list[str]:
    """Count tokens in no time."""
    return text.split()


def ours(sessions: SessionManager) -> Keeper:
    """Return our chat store, which takes one message at a time, as LlamaIndex has it."""
    return _of_chat_store("ours, LlamaIndex", SessionKitChatStore(sessions=sessions), at_once=1)


def ours_async(sessions: SessionManager) -> Keeper:
    """Return our asynchronous chat store, which takes a turn at once."""
    store = SessionKitAsyncChatStore(sessions=sessions)
    return Keeper("ours, LlamaIndex, async", convert, store.add_messages, store.get_messages, 1, is_async=True)


def memory(name: str, store: AsyncDBChatStore, at_once: int = 500) -> Keeper:
    """Return LlamaIndex's `Memory` on a chat store."""

    @cache
    def of(session_id: str) -> Memory:
        return Memory.from_defaults(chat_store=store, session_id=session_id, tokenizer_fn=split)

    return Keeper(
        name,
        convert,
        lambda session_id, messages: of(session_id).aput_messages(messages),
        lambda session_id: of(session_id).aget(),
        at_once,
        is_async=True,
    )


def redis_chat_store(setting: Setting, stack: AsyncExitStack) -> BaseChatStore:
    """Return LlamaIndex's RedisChatStore."""
    with deprecations_ignored():
        module: Any = import_module("llama_index.storage.chat_store.redis")
    client, async_client = redis.Redis.from_url(setting.url), AsyncRedis.from_url(setting.url)
    stack.callback(client.close)
    stack.push_async_callback(async_client.aclose)
    store: BaseChatStore = module.RedisChatStore(redis_client=client, aredis_client=async_client)
    return store


def upstash_chat_store(setting: Setting, stack: AsyncExitStack) -> BaseChatStore:
    """Return LlamaIndex's UpstashChatStore."""
    with deprecations_ignored():
        module: Any = import_module("llama_index.storage.chat_store.upstash")
    store = module.UpstashChatStore(setting.upstash.url, TOKEN)
    stack.callback(store._sync_redis_client.close)
    stack.push_async_callback(store._async_redis_client.close)
    made: BaseChatStore = store
    return made


async def _each(store: Any, session_id: str, messages: list[Any]) -> None:
    for message in messages:
        await store.async_add_message(session_id, message)


def _redis_async(setting: Setting, stack: AsyncExitStack) -> Keeper:
    store = redis_chat_store(setting, stack)
    return Keeper(
        "RedisChatStore, async",
        convert,
        lambda session_id, messages: _each(store, session_id, messages),
        store.aget_messages,
        is_async=True,
    )


def _of_chat_store(name: str, store: BaseChatStore, at_once: int = 500) -> Keeper:
    def write(session_id: str, messages: list[Any]) -> None:
        for message in messages:
            store.add_message(session_id, message)

    return Keeper(name, convert, write, store.get_messages, at_once)


_REDIS_PACKAGES = ("llama-index-storage-chat-store-redis",)
UPSTASH_PACKAGES = ("llama-index-storage-chat-store-upstash",)
REDIS = Peer(
    "RedisChatStore",
    _REDIS_PACKAGES,
    lambda setting, stack: _of_chat_store("RedisChatStore", redis_chat_store(setting, stack)),
)
REDIS_ASYNC = Peer("RedisChatStore, async", _REDIS_PACKAGES, _redis_async)
