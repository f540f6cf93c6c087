"""Messages in OpenAI's shape, and the check of those that a caller wants to store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from typing_extensions import NotRequired, TypedDict

from sessionkit_integrations.errors import InvalidMessageError, InvalidSessionIdError
from sessionkit_integrations.records.unreadable import brief
from sessionkit_integrations.records.usage import USAGE, check_usage

Role = Literal["system", "user", "assistant", "tool"]
ROLES = frozenset({"system", "user", "assistant", "tool"})
DEVELOPER = "developer"
"""Role that OpenAI's newer models use instead of ``system``. It is accepted and read as ``system``."""
MAX_SESSION_ID_BYTES = 512
FRAMEWORKS = ("langchain", "llama_index", "openai_agents")
"""Names of the fields in which records hold what only messages of a framework say."""
RESERVED_FIELDS = frozenset({"at", "tokens", "summary", *FRAMEWORKS})
"""Fields that a record uses itself, and a message therefore may not have."""
UNSEEN_FIELDS = RESERVED_FIELDS | {USAGE}
"""Fields of records that no reader of messages is shown: providers refuse fields that they do not know."""


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
        usage: The tokens that the provider counted for an assistant message: ``input``, ``output``, and if it said so
            ``cached``, ``reasoning`` and ``model``. It is stored and added up, and not shown when a session is read.

    Examples:
        >>> message: Message = {"role": "user", "content": "Hello!"}
        >>> sessions.send_message("user123", message)
    """

    role: Role
    content: str | list[dict[str, Any]] | None
    tool_calls: NotRequired[list[ToolCall]]
    tool_call_id: NotRequired[str]
    name: NotRequired[str]
    is_error: NotRequired[bool]
    reasoning_details: NotRequired[list[dict[str, Any]]]
    extra_content: NotRequired[dict[str, Any]]
    usage: NotRequired[dict[str, Any]]


_INSTEAD_OF_CONTENT = ("tool_calls", "refusal", "audio", "function_call")
"""Fields of OpenAI's assistant messages any of which may stand in the place of content."""


def check_session_id(session_id: str) -> None:
    """Raise `InvalidSessionIdError` unless ``session_id`` is a non-empty string of at most 512 bytes."""
    if not isinstance(session_id, str):
        raise InvalidSessionIdError(f"a session id must be a string, got {type(session_id).__name__}")
    if not session_id:
        raise InvalidSessionIdError("a session id must not be empty")
    try:
        size = len(session_id.encode())
    except UnicodeEncodeError as error:
        raise InvalidSessionIdError("a session id must not hold lone surrogates") from error
    if size > MAX_SESSION_ID_BYTES:
        raise InvalidSessionIdError(f"a session id must have at most {MAX_SESSION_ID_BYTES} bytes of UTF-8, got {size}")


def check_message(message: Mapping[str, Any]) -> None:
    """Raise `InvalidMessageError`, naming the field, unless a message has OpenAI's shape."""
    if not isinstance(message, (dict, Mapping)):  # a dict first, as an abstract class takes much longer to ask
        raise InvalidMessageError("message", f"must be a dict, got {type(message).__name__}")
    role = message.get("role")
    if not isinstance(role, str) or (role not in ROLES and role != DEVELOPER):
        raise InvalidMessageError("role", f"must be one of {', '.join(sorted(ROLES))}, got {brief(role)}")
    _check_content(message)
    _check_tool_calls(message.get("tool_calls"))
    for field in ("tool_call_id", "name"):
        value = message.get(field)
        if value is not None and not isinstance(value, str):
            raise InvalidMessageError(field, f"must be a string, got {type(value).__name__}")
    if USAGE in message:
        check_usage(message[USAGE])
    if not RESERVED_FIELDS.isdisjoint(message):
        field = next(field for field in message if field in RESERVED_FIELDS)
        raise InvalidMessageError(field, "is a name that stored records use themselves; call it something else")


def _check_content(message: Mapping[str, Any]) -> None:
    content = message.get("content")
    if isinstance(content, str):
        return
    if content is None:
        if message["role"] != "assistant" or not any(message.get(name) for name in _INSTEAD_OF_CONTENT):
            raise InvalidMessageError("content", "is missing; only an assistant message with tool calls may have none")
    elif not isinstance(content, list):
        raise InvalidMessageError(
            "content", f"must be a string or a list of content parts, got {type(content).__name__}"
        )
    else:
        for index, part in enumerate(content):
            if not isinstance(part, dict) or not isinstance(part.get("type"), str):
                raise InvalidMessageError(f"content[{index}]", 'must be a dict with a "type", as content parts are')
            if part["type"] == "text" and not isinstance(part.get("text"), str):
                raise InvalidMessageError(f"content[{index}].text", "must be a string")
            if part["type"] == "image_url":
                image = part.get("image_url")
                if not isinstance(image, dict) or not isinstance(image.get("url"), str):
                    raise InvalidMessageError(f"content[{index}].image_url", 'must be a dict with a "url"')


def _check_tool_calls(calls: object) -> None:
    if calls is None:
        return
    if not isinstance(calls, list):
        raise InvalidMessageError("tool_calls", f"must be a list, got {type(calls).__name__}")
    for index, call in enumerate(calls):
        field = f"tool_calls[{index}]"
        if not isinstance(call, dict):
            raise InvalidMessageError(field, f"must be a dict, got {type(call).__name__}")
        if not isinstance(call.get("id"), str):
            raise InvalidMessageError(f"{field}.id", "must be a string, the id that a tool message answers with")
        kind = call.get("type", "function")
        if kind == "custom":
            _check_strings(call.get("custom"), f"{field}.custom", ("name", "input"))
        elif kind == "function":
            _check_strings(call.get("function"), f"{field}.function", ("name", "arguments"))
        else:
            raise InvalidMessageError(f"{field}.type", f"must be 'function' or 'custom', got {brief(kind)}")


def _check_strings(value: object, field: str, names: tuple[str, str]) -> None:
    if not isinstance(value, dict):
        raise InvalidMessageError(field, f"must be a dict with {' and '.join(names)}")
    for name in names:
        if not isinstance(value.get(name), str):
            raise InvalidMessageError(f"{field}.{name}", "must be a string")
