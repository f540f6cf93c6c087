"""Making LangChain's messages of what a record holds, and checking what a record can get wrong."""

from __future__ import annotations

from types import NoneType
from typing import TYPE_CHECKING, Any

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from sessionkit_integrations.adapting.with_pydantic import unvalidated_constructor

if TYPE_CHECKING:
    from collections.abc import Callable

_MAKERS: dict[type[BaseMessage], tuple[dict[str, Any], Callable[..., BaseMessage]]] = {
    type(message): (vars(message), unvalidated_constructor(message))
    for message in (
        HumanMessage(""),
        AIMessage(""),
        SystemMessage(""),
        ToolMessage("", tool_call_id=""),
        FunctionMessage(content="", name=""),
        ChatMessage(content="", role=""),
    )
}


_TYPES: dict[str, tuple[type, ...]] = {
    "id": (str, NoneType),
    "name": (str, NoneType),
    "role": (str,),
    "tool_call_id": (str,),
    "additional_kwargs": (dict,),
    "response_metadata": (dict,),
    "usage_metadata": (dict, NoneType),
    "invalid_tool_calls": (list,),
}
_TOKENS = ("input_tokens", "output_tokens", "total_tokens")


def make(cls: type[BaseMessage], values: dict[str, Any], unknown: dict[str, Any]) -> BaseMessage:
    """Return a message.

    Args:
        cls: Its class.
        values: Its fields. Those that this version of LangChain does not know go where it keeps unknown ones.
        unknown: Fields that LangChain does not know.

    Raises:
        ValueError: A value is none for its field.
    """
    defaults, make_fast = _MAKERS[cls]
    if not values.keys() <= defaults.keys():
        for name in values.keys() - defaults.keys():
            unknown[name] = values.pop(name)
    for name, value in values.items():
        if name in _TYPES and not isinstance(value, _TYPES[name]):
            raise ValueError(f"its {name} is {value!r}")
    usage = values.get("usage_metadata")
    if usage is not None and not all(type(usage.get(name)) is int for name in _TOKENS):
        raise ValueError(f"its usage_metadata is {usage!r}")
    return make_fast(values, unknown)
