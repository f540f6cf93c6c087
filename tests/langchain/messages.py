"""LangChain's messages for the tests: one of each kind, and strategies for any of each kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from langchain_core.documents import Document
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from tests.langchain.blocks import SHAPES, blocks

if TYPE_CHECKING:
    from collections.abc import Callable

CALL = {"name": "weather", "args": {"city": "Zürich", "days": [1, 2.5, None]}, "id": "call_1", "type": "tool_call"}
BROKEN_CALL = {"name": "weather", "args": '{"city": ', "id": "call_2", "error": "cut off", "type": "invalid_tool_call"}
USAGE = {
    "input_tokens": 3,
    "output_tokens": 5,
    "total_tokens": 8,
    "input_token_details": {"cache_read": 2},
    "output_token_details": {"reasoning": 4},
}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo=", "detail": "low"}}

ONE_OF_EACH: tuple[BaseMessage, ...] = (
    SystemMessage("Be brief.", id="s1", additional_kwargs={"__openai_role__": "developer"}),
    HumanMessage(["What is this?", IMAGE, "Tell me. 🧠"], id="h1", name="Ada"),
    AIMessage(
        "",
        id="a1",
        name="bot",
        tool_calls=[CALL],
        invalid_tool_calls=[BROKEN_CALL],
        usage_metadata=USAGE,
        response_metadata={"model_name": "m", "logprobs": None},
        additional_kwargs={"reasoning_content": "hm"},
    ),
    ToolMessage("rain", tool_call_id="call_1", name="weather", id="t1", artifact={"mm": [0.5]}, status="error"),
    FunctionMessage(name="old", content="style", id="f1"),
    ChatMessage(role="critic", content=[{"type": "text", "text": "Good"}], id="c1"),
    AIMessage([{"type": "text", "text": "It rains.", "annotations": []}]),
)

_OF_OPENAI: dict[str, Any] = {
    "id": "lc_run--01a2272d-cc69-71b3-97e7-d734dd496c57-0",
    "additional_kwargs": {"refusal": None},
    "response_metadata": {
        "token_usage": {
            "completion_tokens": 17,
            "prompt_tokens": 82,
            "total_tokens": 99,
            "completion_tokens_details": {"audio_tokens": 0, "reasoning_tokens": 0, "text_tokens": None},
            "prompt_tokens_details": {"audio_tokens": 0, "cached_tokens": 64, "cache_write_tokens": None},
        },
        "model_provider": "openai",
        "model_name": "gpt-5-2025-08-07",
        "system_fingerprint": "fp_fc9f1d7035",
        "id": "chatcmpl-BxyzABC",
        "service_tier": "default",
        "finish_reason": "stop",
        "logprobs": None,
    },
    "usage_metadata": {
        "input_tokens": 82,
        "output_tokens": 17,
        "total_tokens": 99,
        "input_token_details": {"audio": 0, "cache_read": 64},
        "output_token_details": {"audio": 0, "reasoning": 0},
    },
}
_OF_ANTHROPIC: dict[str, Any] = {
    "id": "lc_run--01a2272d-cc9a-7472-aaec-28d5cac3a676-0",
    "response_metadata": {
        "id": "msg_01XFDUDYJgAACzvnptvVoYEL",
        "model": "claude-sonnet-4-5",
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {"cache_creation": {"ephemeral_1h_input_tokens": 0}, "input_tokens": 82, "output_tokens": 17},
        "model_name": "claude-sonnet-4-5",
        "model_provider": "anthropic",
    },
    "usage_metadata": {
        "input_tokens": 82,
        "output_tokens": 17,
        "total_tokens": 99,
        "input_token_details": {"cache_read": 0, "cache_creation": 12},
    },
}
AS_MODELS_GIVE_AND_TAKE: dict[str, BaseMessage] = {
    "OpenAI's answer": AIMessage("It is warm in Zürich.", **_OF_OPENAI),
    "OpenAI's call": AIMessage("", tool_calls=[CALL], **_OF_OPENAI),
    "Anthropic's answer": AIMessage("It is warm in Zürich.", **_OF_ANTHROPIC),
    "Anthropic's call": AIMessage(
        [
            {"type": "thinking", "thinking": "hm", "signature": "sig"},
            {"type": "text", "text": "Let me look."},
            {"type": "tool_use", "id": CALL["id"], "name": CALL["name"], "input": CALL["args"]},
        ],
        tool_calls=[CALL],
        **_OF_ANTHROPIC,
    ),
    "answer of the Responses API": AIMessage(
        [{"type": "text", "text": "It is warm.", "annotations": [], "id": "msg_1"}], **_OF_OPENAI
    ),
    "bare call": AIMessage("", tool_calls=[CALL]),
    "picture": HumanMessage(["What is this?", IMAGE], id="h1"),
    "instructions": SystemMessage("Be brief.", additional_kwargs={"__openai_role__": "developer"}),
}
"""Messages as the integrations of models give and take them."""

EVERY_KIND: tuple[BaseMessage, ...] = (*ONE_OF_EACH, *(HumanMessage([block]) for block in SHAPES.values()))

_names = st.text(max_size=8)
_optional = st.none() | _names
_scalars = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
json_values: st.SearchStrategy[Any] = st.recursive(
    _scalars | _names,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner, max_size=3),
    max_leaves=5,
)
json_objects = st.dictionaries(_names, json_values, max_size=3)
_contents = st.text() | st.lists(st.text(max_size=8) | json_objects | blocks(json_values), max_size=4)
_arguments = st.text(max_size=8) | st.sampled_from(["{}", "[]", '{"a":NaN}', '{"a":1}', "null", "{"]) | st.none()
_calls = st.fixed_dictionaries({"name": _names, "args": json_objects, "id": _optional}) | st.sampled_from(
    [{"name": "weather", "args": {"city": "Zürich"}, "id": "call_1"}, {"name": "f", "args": {}, "id": "1"}]
)
_raw_calls = st.just([{"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"a" : 1}'}}])
_kwargs = json_objects | st.fixed_dictionaries(
    {}, optional={"reasoning_content": _names | json_values, "tool_calls": _raw_calls, "refusal": _optional}
)
_broken_calls = st.fixed_dictionaries({"name": _optional, "args": _arguments, "id": _optional, "error": _optional})
_documents = st.builds(Document, page_content=_names, metadata=json_objects, id=_optional)
_tokens = st.integers(0, 2**40)
_usage = st.fixed_dictionaries(
    {"input_tokens": _tokens, "output_tokens": _tokens, "total_tokens": _tokens},
    optional={
        "input_token_details": st.fixed_dictionaries({}, optional={"audio": _tokens, "cache_read": _tokens}),
        "output_token_details": st.fixed_dictionaries({}, optional={"audio": _tokens, "reasoning": _tokens}),
    },
)
_unknown_names = ["example", "chat", "function", "strings", "errors", "fields", "status", "at", "error", "usage"]


_models = st.fixed_dictionaries({}, optional={"model_name": _optional, "model": _optional, "id": _names})


def _messages(
    cls: Callable[..., BaseMessage],
    required: dict[str, st.SearchStrategy[Any]] | None = None,
    optional: dict[str, st.SearchStrategy[Any]] | None = None,
) -> st.SearchStrategy[BaseMessage]:
    values = st.fixed_dictionaries(
        {"content": _contents, "name": _optional, **(required or {})},
        optional={
            "id": _optional,
            "additional_kwargs": _kwargs,
            "response_metadata": json_objects | _models,
            **(optional or {}),
        },
    )
    # LangChain allows messages any fields; names that the adapter gives a meaning of its own are the hard ones.
    unknown = st.dictionaries(st.sampled_from(_unknown_names), json_values, max_size=2)
    return st.builds(lambda known, more: cls(**{**more, **known}), values, unknown)


BY_CLASS: dict[type[BaseMessage], st.SearchStrategy[BaseMessage]] = {
    HumanMessage: _messages(HumanMessage),
    SystemMessage: _messages(SystemMessage),
    AIMessage: _messages(
        AIMessage,
        optional={
            "tool_calls": st.lists(_calls, max_size=2),
            "invalid_tool_calls": st.lists(_broken_calls, max_size=2),
            "usage_metadata": st.none() | _usage,
        },
    ),
    ToolMessage: _messages(
        ToolMessage,
        {"tool_call_id": _names, "status": st.sampled_from(["success", "error"])},
        {
            "artifact": json_values
            | st.builds(lambda found: {"found": found}, st.lists(_documents, max_size=2))
            | _documents
        },
    ),
    FunctionMessage: _messages(FunctionMessage, {"name": _names}),
    ChatMessage: _messages(ChatMessage, {"role": _names | st.sampled_from(["user", "assistant", "system", "tool"])}),
}

replies: st.SearchStrategy[AIMessage] = st.builds(
    AIMessage,
    content=st.text(max_size=8) | st.lists(st.text(max_size=8) | blocks(json_values), max_size=2),
    id=_names,
    additional_kwargs=st.sampled_from([{}, {"refusal": None}, {"refusal": "no"}, {"parsed": None}]),
    response_metadata=_models,
    usage_metadata=st.none() | _usage,
    tool_calls=st.lists(_calls, max_size=2),
)
"""Replies of models, whose metadata are JSON, with texts or blocks and calls."""
