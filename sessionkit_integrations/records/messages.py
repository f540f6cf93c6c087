"""What a message is, and what may not be stored."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

from typing_extensions import NotRequired, TypedDict

from sessionkit_integrations.errors import InvalidMessageError, InvalidSessionIdError

Role = Literal["system", "user", "assistant", "tool"]
ROLES = frozenset({"system", "user", "assistant", "tool"})
MAX_SESSION_ID_BYTES = 512
MAX_INTEGER_BITS = 1023
"""Beyond that, readers of JSON to whom numbers are floats have none: https://www.rfc-editor.org/rfc/rfc8259#section-6"""
FRAMEWORKS = ("langchain", "llama_index")
"""The fields in which records hold what only messages of a framework say."""
RESERVED_FIELDS = frozenset({"at", *FRAMEWORKS})
"""Fields that a record uses itself, and a message therefore may not have."""


class FunctionCall(TypedDict):
    """The function that a tool call names, in OpenAI's shape."""

    name: str
    arguments: str


class ToolCall(TypedDict):
    """A tool call, in OpenAI's shape; see `Message` for ``extra_content``."""

    id: str
    type: Literal["function"]
    function: FunctionCall
    extra_content: NotRequired[dict[str, Any]]


class Message(TypedDict):
    """One entry of a session: a plain dict in the shape of OpenAI's chat API.

    What that API has no field for is written as others do who speak its language; `providers.to_openai` leaves it out.

    Attributes:
        role: Who speaks.
        content: A string, a list of content parts, or ``None`` in a message with tool calls.
        tool_calls: The tools that an assistant message calls.
        tool_call_id: The call that a tool message answers.
        name: The name of the speaker or of the tool.
        is_error: Whether a tool message tells of a failure, as Anthropic's API has it.
        reasoning_details: What the model thought before it answered, as OpenRouter's API has it: dicts of the types
            ``reasoning.text`` (``text``, ``signature``), ``reasoning.summary`` and ``reasoning.encrypted`` (``data``).
        extra_content: What only one provider understands, under its name, as Google's API has it.
    """

    role: Role
    content: str | list[dict[str, Any]] | None
    tool_calls: NotRequired[list[ToolCall]]
    tool_call_id: NotRequired[str]
    name: NotRequired[str]
    is_error: NotRequired[bool]
    reasoning_details: NotRequired[list[dict[str, Any]]]
    extra_content: NotRequired[dict[str, Any]]


_INSTEAD_OF_CONTENT = ("tool_calls", "refusal", "audio", "function_call")
"""Fields of OpenAI's assistant messages any of which may stand in the place of content."""


def check_session_id(session_id: str) -> None:
    """Raise `InvalidSessionIdError` unless ``session_id`` is a non-empty string of at most 512 bytes."""
    if not isinstance(session_id, str):
        raise InvalidSessionIdError(f"a session id is a string, not {type(session_id).__name__}")
    if not session_id:
        raise InvalidSessionIdError("a session id is not empty")
    try:
        size = len(session_id.encode())
    except UnicodeEncodeError as error:
        raise InvalidSessionIdError("a session id holds no lone surrogates") from error
    if size > MAX_SESSION_ID_BYTES:
        raise InvalidSessionIdError(f"a session id has at most {MAX_SESSION_ID_BYTES} bytes of UTF-8, not {size}")


def check_message(message: Mapping[str, Any]) -> None:
    """Raise `InvalidMessageError`, naming the field, unless ``message`` can be stored as it is."""
    if not isinstance(message, Mapping):
        raise InvalidMessageError("message", f"is a dict, not {type(message).__name__}")
    role = message.get("role")
    if not isinstance(role, str) or role not in ROLES:
        raise InvalidMessageError("role", f"is one of {', '.join(sorted(ROLES))}, not {role!r}")
    _check_content(message)
    _check_tool_calls(message.get("tool_calls"))
    for field in ("tool_call_id", "name"):
        value = message.get(field)
        if value is not None and not isinstance(value, str):
            raise InvalidMessageError(field, f"is a string, not {type(value).__name__}")
    for field in message:
        if field in RESERVED_FIELDS:
            raise InvalidMessageError(field, "is a name that stored records use themselves; call it something else")


def check_json(value: object, field: str) -> None:
    """Raise `InvalidMessageError` unless JSON can hold ``value`` exactly as it is.

    Args:
        value: The value to check, at any depth.
        field: Its place in the message, for the error.
    """
    if value is None or isinstance(value, (str, bool)):
        return
    if isinstance(value, (int, float)):
        _check_number(value, field)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            check_json(item, f"{field}[{index}]")
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise InvalidMessageError(field, f"has the key {key!r}; in JSON, keys are strings")
            check_json(item, f"{field}.{key}")
    else:
        raise InvalidMessageError(field, f"is a {type(value).__name__}, which JSON cannot hold; convert it first")


def _check_number(value: float, field: str) -> None:
    if isinstance(value, int):
        if value.bit_length() > MAX_INTEGER_BITS:
            raise InvalidMessageError(field, f"is an integer of more than {MAX_INTEGER_BITS} bits; make it a string")
    elif not math.isfinite(value):
        raise InvalidMessageError(field, f"is {value}, which JSON cannot hold")


def _check_content(message: Mapping[str, Any]) -> None:
    content = message.get("content")
    if isinstance(content, str):
        return
    if content is None:
        if message["role"] != "assistant" or not any(message.get(name) for name in _INSTEAD_OF_CONTENT):
            raise InvalidMessageError("content", "is missing; only an assistant message with tool calls needs none")
    elif not isinstance(content, list):
        raise InvalidMessageError("content", f"is a string or a list of content parts, not {type(content).__name__}")
    else:
        for index, part in enumerate(content):
            if not isinstance(part, dict) or not isinstance(part.get("type"), str):
                raise InvalidMessageError(f"content[{index}]", 'is a dict with a "type", as content parts are')
            if part["type"] == "text" and not isinstance(part.get("text"), str):
                raise InvalidMessageError(f"content[{index}].text", "is a string")
            if part["type"] == "image_url":
                image = part.get("image_url")
                if not isinstance(image, dict) or not isinstance(image.get("url"), str):
                    raise InvalidMessageError(f"content[{index}].image_url", 'is a dict with a "url"')


def _check_tool_calls(calls: object) -> None:
    if calls is None:
        return
    if not isinstance(calls, list):
        raise InvalidMessageError("tool_calls", f"is a list, not {type(calls).__name__}")
    for index, call in enumerate(calls):
        field = f"tool_calls[{index}]"
        if not isinstance(call, dict):
            raise InvalidMessageError(field, f"is a dict, not {type(call).__name__}")
        if not isinstance(call.get("id"), str):
            raise InvalidMessageError(f"{field}.id", "is a string, the id that a tool message answers with")
        kind = call.get("type", "function")
        if kind == "custom":
            _check_strings(call.get("custom"), f"{field}.custom", ("name", "input"))
        elif kind == "function":
            _check_strings(call.get("function"), f"{field}.function", ("name", "arguments"))
        else:
            raise InvalidMessageError(f"{field}.type", f"is function or custom, not {kind!r}")


def _check_strings(value: object, field: str, names: tuple[str, str]) -> None:
    if not isinstance(value, dict):
        raise InvalidMessageError(field, f"is a dict with {' and '.join(names)}")
    for name in names:
        if not isinstance(value.get(name), str):
            raise InvalidMessageError(f"{field}.{name}", "is a string")
