"""Conversations as other packages write them to Redis; `tests/benchmarks` checks that those packages write the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from langchain_core.messages import BaseMessage, message_to_dict, messages_from_dict
from llama_index.core.base.llms.types import ChatMessage

if TYPE_CHECKING:
    from collections.abc import Sequence

    import redis


def write_langchain_community(
    client: redis.Redis, session_id: str, messages: Sequence[BaseMessage], key_prefix: str = "message_store:"
) -> list[BaseMessage]:
    """Write messages as langchain-community's `RedisChatMessageHistory`, and return them as it reads them."""
    items = [json.dumps(message_to_dict(message)) for message in messages]
    client.lpush(f"{key_prefix}{session_id}", *items)
    return messages_from_dict([json.loads(item) for item in items])


def write_llama_index(client: redis.Redis, key: str, messages: Sequence[ChatMessage]) -> list[ChatMessage]:
    """Write messages as LlamaIndex's `RedisChatStore`, and return them as it reads them."""
    items = [message.model_dump_json() for message in messages]
    client.rpush(key, *items)
    return [ChatMessage.model_validate_json(item) for item in items]


def can_be_kept(message: ChatMessage) -> bool:
    """Return whether `RedisChatStore` takes a message and gives it back."""
    try:
        ChatMessage.model_validate_json(message.model_dump_json())
    except ValueError:
        return False
    return True
