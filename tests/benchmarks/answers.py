"""Conversations as the frameworks' OpenAI integrations make them: with ids, token usage and what else they note."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from llama_index.core.base.llms.types import ChatMessage, ContentBlock, TextBlock, ToolCallBlock

if TYPE_CHECKING:
    from tests.conversations import Conversation

_FINGERPRINT = "fp_0123456789"
_MODEL = "gpt-4o-2024-08-06"


def in_langchain(conversation: Conversation) -> list[BaseMessage]:
    """Return a conversation as it is after a run with LangChain's ``ChatOpenAI``."""
    return [_in_langchain(index, message) for index, message in enumerate(conversation)]


def _in_langchain(index: int, message: dict[str, Any]) -> BaseMessage:
    text = message["content"] or ""
    if message["role"] == "user":
        return HumanMessage(text)
    if message["role"] == "tool":
        return ToolMessage(text, tool_call_id=message["tool_call_id"], name=message["name"])
    calls = message.get("tool_calls") or ()
    read, written = 400 + 50 * index, 10 + len(text) // 4
    details = {
        "prompt": {"audio_tokens": 0, "cached_tokens": 0},
        "completion": {"audio_tokens": 0, "reasoning_tokens": 0},
    }
    return AIMessage(
        text,
        id=f"lc_run--01234567-89ab-cdef-0123-{index:012}-0",
        tool_calls=[
            {"name": call["function"]["name"], "args": json.loads(call["function"]["arguments"]), "id": call["id"]}
            for call in calls
        ],
        usage_metadata={
            "input_tokens": read,
            "output_tokens": written,
            "total_tokens": read + written,
            "input_token_details": {"audio": 0, "cache_read": 0},
            "output_token_details": {"audio": 0, "reasoning": 0},
        },
        response_metadata={
            "token_usage": {
                "completion_tokens": written,
                "prompt_tokens": read,
                "total_tokens": read + written,
                "completion_tokens_details": details["completion"],
                "prompt_tokens_details": details["prompt"],
            },
            "model_provider": "openai",
            "model_name": _MODEL,
            "system_fingerprint": _FINGERPRINT,
            "id": f"chatcmpl-{index:029}",
            "service_tier": "default",
            "finish_reason": "tool_calls" if calls else "stop",
            "logprobs": None,
        },
        additional_kwargs={"refusal": None},
    )


def in_llama_index(conversation: Conversation) -> list[ChatMessage]:
    """Return a conversation as it is after an agent's run with LlamaIndex's ``OpenAI``."""
    return [_in_llama_index(message) for message in conversation]


def _in_llama_index(message: dict[str, Any]) -> ChatMessage:
    blocks: list[ContentBlock] = [TextBlock(text=message["content"])] if message["content"] else []
    kwargs = {name: message[name] for name in ("name", "tool_call_id", "tool_calls") if message.get(name)}
    for call in message.get("tool_calls") or ():
        function = call["function"]
        blocks.append(
            ToolCallBlock(tool_call_id=call["id"], tool_name=function["name"], tool_kwargs=function["arguments"])
        )
    return ChatMessage(role=message["role"], blocks=blocks, additional_kwargs=kwargs)
