"""Making LangChain's messages of what a record holds, and checking what a record can get wrong."""

from __future__ import annotations

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

from sessionkit_integrations.with_pydantic import maker

if TYPE_CHECKING:
    from collections.abc import Callable

_MAKERS: dict[type[BaseMessage], tuple[dict[str, Any], Callable[..., BaseMessage]]] = {
    type(message): (vars(message), maker(message))
    for message in (
        HumanMessage(""),
        AIMessage(""),
        SystemMessage(""),
        ToolMessage("", tool_call_id=""),
        FunctionMessage(content="", name=""),
        ChatMessage(content="", role=""),
    )
}


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
        check = _CHECKS.get(name)
        if check is not None and not check(value):
            raise ValueError(f"its {name} is {value!r}")
    return make_fast(values, unknown)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_text_or_none(value: object) -> bool:
    return value is None or isinstance(value, str)


def _is_dict(value: object) -> bool:
    return isinstance(value, dict)


def _is_list(value: object) -> bool:
    return isinstance(value, list)


def _is_usage(value: object) -> bool:
    return value is None or (
        isinstance(value, dict)
        and all(type(value.get(name)) is int for name in ("input_tokens", "output_tokens", "total_tokens"))
    )


_CHECKS: dict[str, Callable[[object], bool]] = {
    "id": _is_text_or_none,
    "name": _is_text_or_none,
    "role": _is_text,
    "tool_call_id": _is_text,
    "additional_kwargs": _is_dict,
    "response_metadata": _is_dict,
    "usage_metadata": _is_usage,
    "invalid_tool_calls": _is_list,
}
