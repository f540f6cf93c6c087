"""Making LangChain's messages of what a record holds.

Their constructors validate each field, which takes most of the time that reading a window does. Here messages are made
as unpickling makes them, and what a record can get wrong is checked.
"""

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

if TYPE_CHECKING:
    from collections.abc import Callable

_set = object.__setattr__
_STATES: dict[type[BaseMessage], dict[str, Any]] = {
    type(message): message.__getstate__()
    for message in (
        HumanMessage(""),
        AIMessage(""),
        SystemMessage(""),
        ToolMessage("", tool_call_id=""),
        FunctionMessage(content="", name=""),
        ChatMessage(content="", role=""),
    )
}
_NEW = {
    cls: [(name, type(value)) for name, value in state["__dict__"].items() if isinstance(value, (dict, list))]
    for cls, state in _STATES.items()
}
"""The fields whose defaults no two messages may share."""


def make(cls: type[BaseMessage], values: dict[str, Any], unknown: dict[str, Any]) -> BaseMessage:
    """Return a message.

    Args:
        cls: Its class.
        values: Its fields. Those that this version of LangChain does not know go where it keeps unknown ones.
        unknown: Fields that LangChain does not know.

    Raises:
        ValueError: A value is none for its field.
    """
    state = _STATES[cls]
    fields = state["__dict__"].copy()
    for name, new in _NEW[cls]:
        fields[name] = new()
    for name, value in values.items():
        check = _CHECKS.get(name)
        if check is not None and not check(value):
            raise ValueError(f"its {name} is {value!r}")
        if name in fields:
            fields[name] = value
        else:
            unknown[name] = value
    message = cls.__new__(cls)
    _set(message, "__dict__", fields)
    _set(message, "__pydantic_extra__", unknown)
    _set(message, "__pydantic_fields_set__", set(values))
    _set(message, "__pydantic_private__", state["__pydantic_private__"])
    return message


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
