"""Tool calls in OpenAI's shape, and their arguments: a JSON text there, a dict in the frameworks."""

from __future__ import annotations

import json
import re
from types import NoneType
from typing import Any

from sessionkit_integrations.errors import InvalidMessageError
from sessionkit_integrations.messages import check_json
from sessionkit_integrations.with_pydantic import parse

_HUGE = re.compile(r"\d[eE]\+?\d{3}|\d{308}")
"""A number that a float may not hold."""


class Arguments(dict[str, Any]):
    """Arguments that remember their text.

    Models write the same JSON with or without spaces. Sent back as it was written, a prompt goes on being the one that
    a provider has cached, and what one framework passes on to another stays equal.
    """

    __slots__ = ("text",)
    text: str


def arguments_of(text: str) -> Arguments | None:
    """Return the arguments that a text holds, or ``None`` where it is no JSON object."""
    try:
        value = parse(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or (_HUGE.search(text) and not _is_within_limits(value)):
        return None
    arguments = Arguments(value)
    arguments.text = text
    return arguments


def text_of(arguments: dict[str, Any], field: str) -> str:
    """Return the text of arguments: the one they were read from, unless they were changed.

    Args:
        arguments: The arguments.
        field: Their place in the message, for the error.

    Raises:
        InvalidMessageError: JSON cannot hold them.
    """
    try:
        check_json(arguments, field)
        text = _compact(arguments)
        written: str | None = getattr(arguments, "text", None)
        if written is not None and written != text and _compact(parse(written)) == text:
            return written
    except InvalidMessageError:
        raise
    except (ValueError, RecursionError) as error:
        raise InvalidMessageError(field, f"cannot be written as JSON ({error})") from error
    return text


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


def _is_within_limits(value: Any) -> bool:
    try:
        check_json(value, "")
    except InvalidMessageError:
        return False
    return True


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
