"""Messages of all writers with junk in any of their fields: assigned, constructed, or put there without validation."""

from __future__ import annotations

import collections
import itertools
import math
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st
from langchain_core.documents import Document
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    HumanMessageChunk,
    SystemMessage,
    ToolMessage,
)
from llama_index.core.base.llms.types import (
    AudioBlock,
    CitableBlock,
    DocumentBlock,
    ImageBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from llama_index.core.base.llms.types import (
    ChatMessage as LlamaIndexMessage,
)

from tests.langchain.blocks import SHAPES

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import BaseModel

_names = st.sampled_from(
    ["id", "type", "name", "args", "text", "role", "content", "function", "arguments", "input", "google", "url", "data"]
)
_texts = st.sampled_from(
    ["", "x", "\ud83d", "user", "function", "custom", "text", "{}", '{"a": NaN}', "tool_use", "\0"]
)
_objects = st.sampled_from(
    [
        *(object(), print, itertools.count(), (1, 2), {1: 2}, {1, 2}, collections.deque([1]), b"\xff", 2**14000),
        *(
            np.float32(0.5),
            np.zeros(2),
            datetime.now(timezone.utc),
            Document("x"),
            HumanMessage("x"),
            AIMessage,
            math.nan,
        ),
        *(TextBlock(text="x"), MessageRole.USER),
    ]
)
_scalars = st.none() | st.booleans() | st.integers() | st.floats() | _texts | st.binary(max_size=3)
junk: st.SearchStrategy[Any] = st.recursive(
    _scalars | _objects | st.sampled_from(list(SHAPES.values())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names | _texts, inner, max_size=3),
    max_leaves=6,
)
_calls = st.lists(
    st.fixed_dictionaries(
        {"id": st.just("1") | junk, "type": st.just("function") | junk},
        optional={"function": st.just({"name": "f", "arguments": "{}"}) | junk, "custom": junk, "extra_content": junk},
    ),
    max_size=2,
)
ODD_FIELDS = (
    *("name", "tool_call_id", "refusal", "audio", "function_call", "annotations", "is_error", "x", "usage", "tokens"),
    *("reasoning_details", "reasoning_content", "extra_content", "sealed", "summary"),
)
plain: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "system", "tool", "developer"]), "content": st.just("x") | junk},
    optional={
        "tool_calls": _calls | junk,
        **dict.fromkeys(ODD_FIELDS, junk),
    },
)
"""Plain messages, most of which are refused."""

LANGCHAIN: list[Callable[[], BaseMessage]] = [
    lambda: HumanMessage("x"),
    lambda: AIMessage("x", tool_calls=[{"name": "f", "args": {}, "id": "1"}]),
    lambda: SystemMessage("x"),
    lambda: ToolMessage("x", tool_call_id="1"),
    lambda: FunctionMessage(content="x", name="f"),
    lambda: ChatMessage(content="x", role="critic"),
    lambda: AIMessageChunk(content="x"),
    lambda: HumanMessageChunk(content="x"),
]
LLAMA_INDEX: list[Callable[[], LlamaIndexMessage]] = [
    lambda: LlamaIndexMessage(role="user", content="x"),
    lambda: LlamaIndexMessage(
        role="assistant", blocks=[ThinkingBlock(content="hm"), ToolCallBlock(tool_call_id="1", tool_name="f")]
    ),
    lambda: LlamaIndexMessage(role="tool", content="x", additional_kwargs={"tool_call_id": "1", "name": "f"}),
    lambda: LlamaIndexMessage(
        blocks=[
            *(ImageBlock(url="https://example.com/a.png"), AudioBlock(audio=b"UklGRg=="), DocumentBlock(data=b"JVBE")),
            CitableBlock(title="t", source="s", content=[TextBlock(text="x")]),
        ]
    ),
]


@st.composite
def spoilt(draw: st.DrawFn, makers: list[Callable[[], Any]]) -> Any:
    """Draw a message, or a block in it, some of whose fields hold junk."""
    message = draw(st.sampled_from(makers))()
    how = draw(st.sampled_from(["assigned", "constructed", "not validated"]))
    blocks = getattr(message, "blocks", [])
    target = draw(st.sampled_from([message, *blocks])) if blocks and how == "assigned" else message
    names = [*type(target).model_fields, *(["unknown"] if isinstance(target, BaseMessage) else [])]
    fields = draw(st.dictionaries(st.sampled_from(names), junk, min_size=1, max_size=2))
    if how == "assigned":
        for name, value in fields.items():
            _assign(target, name, value)
        return message
    values = {**vars(message), **fields}
    if how == "not validated":
        missing = draw(st.sampled_from([(), ("content",), ("additional_kwargs",), ("blocks", "role")]))
        return type(message).model_construct(**{name: value for name, value in values.items() if name not in missing})
    try:
        return type(message)(**values)
    except Exception:  # noqa: BLE001 - of the framework, which refuses most junk here
        return message


def _assign(target: BaseModel, name: str, value: Any) -> None:
    try:
        setattr(target, name, value)
    except ValueError:
        vars(target)[name] = value  # a framework may refuse it, and code that goes around it may not ask
