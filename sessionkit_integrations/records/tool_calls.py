"""Tool calls in OpenAI's shape."""

from __future__ import annotations

from types import NoneType
from typing import Any


def function_call(call_id: str | None, name: str, arguments: str) -> dict[str, Any]:
    """Return the call of a function."""
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def are_function_calls(value: object) -> bool:
    """Return whether a value is a list of calls of functions, as OpenAI's API gives them; each may say more."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(
            isinstance(call, dict)
            and isinstance(call.get("id"), str)
            and call.get("type") == "function"
            and isinstance(call.get("function"), dict)
            and call["function"].keys() == {"name", "arguments"}
            and all(isinstance(text, str) for text in call["function"].values())
            for call in value
        )
    )


def texts_of(call: dict[str, Any]) -> tuple[str | None, str, str]:
    """Return the id of a call, the name of its tool, and its arguments or, of a custom tool, its input.

    Raises:
        AttributeError, LookupError, TypeError, ValueError: It is no tool call.
    """
    if "function" in call:
        name, text = call["function"]["name"], call["function"]["arguments"]
    else:
        name, text = call["custom"]["name"], call["custom"]["input"]
    call_id = call.get("id")
    if type(name) is not str or type(text) is not str or not isinstance(call_id, (str, NoneType)):
        raise ValueError("it has a tool call with something else in the place of a text")
    return call_id, name, text
