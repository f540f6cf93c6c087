"""LangChain's messages as records, and back.

A record holds the message in OpenAI's shape, and under ``langchain`` only what a message says beyond that. So a
plain `HumanMessage` costs no more than a plain message, and a reader of another framework finds all it can use.
"""

from __future__ import annotations

import json
from itertools import groupby
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.errors import InvalidMessageError, MissingDependencyError
from sessionkit_integrations.messages import check_json

try:
    from langchain_core.messages import (
        AIMessage,
        AIMessageChunk,
        BaseMessage,
        ChatMessage,
        FunctionMessage,
        HumanMessage,
        SystemMessage,
        ToolMessage,
    )
except ImportError as error:
    raise MissingDependencyError("SessionKitChatMessageHistory", "langchain") from error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sessionkit_integrations.records import Fields

TAG = "langchain"

_ROLES: dict[type[BaseMessage], str] = {
    HumanMessage: "user",
    AIMessage: "assistant",
    SystemMessage: "system",
    ToolMessage: "tool",
    FunctionMessage: "tool",
}
_ROLES_OF_CHAT = {
    "system": "system",
    "developer": "system",
    "assistant": "assistant",
    "ai": "assistant",
    "model": "assistant",
    "tool": "tool",
    "function": "tool",
}
_CLASSES: dict[str, type[BaseMessage]] = {"user": HumanMessage, "system": SystemMessage}
_OPTIONAL = ("id", "usage_metadata", "artifact")
"""Fields that OpenAI's shape has no place for, ``None`` by default."""
_DICTS = ("additional_kwargs", "response_metadata")
"""Likewise, but empty dicts by default."""
_UNKNOWN = "fields"
"""Where a message's fields that LangChain does not know are held, apart from what is known by name."""


class LangChainCodec:
    """How LangChain's messages are written and read; see `Codec`."""

    def encode(self, messages: Sequence[BaseMessage]) -> Iterable[Fields]:
        """See `Codec.encode`. Chunks are stored as the whole message they add up to."""
        for message in _whole(messages):
            yield _encode(message)

    def decode(self, fields: Fields) -> BaseMessage:
        """See `Codec.decode`."""
        return _decode(fields)


def _whole(messages: Sequence[BaseMessage]) -> Iterator[BaseMessage]:
    for _, run in groupby(enumerate(messages), key=_chunk_key):
        whole: Any = None
        for _, message in run:
            whole = message if whole is None else whole + message  # only chunks come in runs, and they add up
        yield whole


def _chunk_key(item: tuple[int, BaseMessage]) -> object:
    index, message = item
    return ("chunks", message.id) if isinstance(message, AIMessageChunk) else index


def _decode(fields: Fields) -> BaseMessage:
    extra = fields.get(TAG) or {}
    unknown = extra.pop(_UNKNOWN, {})
    chat_role = extra.pop("chat", None)
    is_function = extra.pop("function", False)
    content = _decode_content(fields.get("content"), extra.pop("strings", ()))
    values: dict[str, Any] = {"content": content, **extra}
    if "name" in fields:
        values["name"] = fields["name"]
    if chat_role is not None:
        return ChatMessage(role=chat_role, **values, **unknown)
    if is_function:
        return FunctionMessage(**values, **unknown)
    role = fields["role"]
    if role == "tool":
        return ToolMessage(tool_call_id=fields.get("tool_call_id") or "", **values, **unknown)
    if role == "assistant":
        return _decode_ai(fields.get("tool_calls") or (), values, unknown)
    return _CLASSES[role](**values, **unknown)


def _decode_ai(calls: Sequence[dict[str, Any]], values: dict[str, Any], unknown: dict[str, Any]) -> AIMessage:
    _decode_tool_calls(calls, values)
    message = AIMessage(**values, **unknown)
    # LangChain takes calls that were removed from the message out of its additional_kwargs again.
    message.tool_calls, message.invalid_tool_calls = values["tool_calls"], values["invalid_tool_calls"]
    return message


def _encode(message: BaseMessage) -> Fields:
    extra: dict[str, Any] = {}
    role = _role(message, extra)
    fields: Fields = {"role": role, "content": _encode_content(message.content, extra)}
    if isinstance(message, AIMessage):
        _encode_tool_calls(message, fields, extra)
    if isinstance(message, ToolMessage):
        fields["tool_call_id"] = message.tool_call_id
        if message.status != "success":
            extra["status"] = message.status
    if message.name is not None:
        fields["name"] = message.name
    extra.update(_beyond(message))
    if extra:
        fields[TAG] = extra
    return fields


def _beyond(message: BaseMessage) -> Iterator[tuple[str, Any]]:
    """Yield the names and values that OpenAI's shape has no place for, without those that are empty by default."""
    for name in _OPTIONAL:
        # Asked of its class: a message may have a field of that name which LangChain does not know.
        if name in type(message).model_fields and getattr(message, name) is not None:
            yield name, getattr(message, name)
    for name in _DICTS:
        if getattr(message, name):
            yield name, getattr(message, name)
    if message.model_extra:
        yield _UNKNOWN, message.model_extra


def _role(message: BaseMessage, extra: dict[str, Any]) -> str:
    if isinstance(message, ChatMessage):
        extra["chat"] = message.role
        return _ROLES_OF_CHAT.get(message.role, "user")
    if isinstance(message, FunctionMessage):
        extra["function"] = True
    if not isinstance(message, BaseMessage):
        raise InvalidMessageError("message", f"is a BaseMessage, not {type(message).__name__}")
    for cls, role in _ROLES.items():
        if isinstance(message, cls):
            return role
    raise InvalidMessageError("type", f"is {message.type!r}, which is not a message of a conversation")


def _encode_content(content: str | list[Any], extra: dict[str, Any]) -> str | list[dict[str, Any]]:
    if isinstance(content, str):
        return content
    strings = [index for index, part in enumerate(content) if isinstance(part, str)]
    if strings:
        extra["strings"] = strings
    return [{"type": "text", "text": part} if isinstance(part, str) else part for part in content]


def _decode_content(content: str | list[Any] | None, strings: Sequence[int]) -> str | list[Any]:
    if isinstance(content, list):
        for index in strings:
            content[index] = content[index]["text"]
    return "" if content is None else content


def _encode_tool_calls(message: AIMessage, fields: Fields, extra: dict[str, Any]) -> None:
    calls = [
        _call(call["id"], call["name"], _dump(call["args"], f"tool_calls[{index}].args"))
        for index, call in enumerate(message.tool_calls)
    ]
    invalid = message.invalid_tool_calls
    if all(_is_recognized_as_invalid(call) for call in invalid):
        calls += [_call(call["id"], call["name"], call["args"]) for call in invalid]
        errors = [call.get("error") for call in invalid]
        if any(error is not None for error in errors):
            extra["errors"] = errors
    else:
        extra["invalid_tool_calls"] = list(invalid)
    if calls:
        fields["tool_calls"] = calls
        if fields["content"] == "":
            fields["content"] = None


def _decode_tool_calls(calls: Sequence[dict[str, Any]], values: dict[str, Any]) -> None:
    valid, invalid = [], []
    for call in calls:
        function = call.get("function") or {}
        arguments = _arguments(function.get("arguments"))
        shared = {"name": function.get("name"), "id": call.get("id")}
        if arguments is None:
            invalid.append({**shared, "args": function.get("arguments"), "error": None, "type": "invalid_tool_call"})
        else:
            valid.append({**shared, "args": arguments, "type": "tool_call"})
    for broken, error in zip(invalid, values.pop("errors", ()), strict=False):
        broken["error"] = error
    values["tool_calls"] = valid
    values.setdefault("invalid_tool_calls", invalid)


def _is_recognized_as_invalid(call: Any) -> bool:
    """Whether reading the call's OpenAI shape makes an equal invalid call of it, but for the error."""
    is_plain = set(call) <= {"name", "args", "id", "error", "type"}
    return is_plain and isinstance(call["args"], str) and _arguments(call["args"]) is None


def _arguments(text: Any) -> dict[str, Any] | None:
    """Return the arguments of a tool call, or ``None`` where the text is no JSON object."""
    try:
        value = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _call(call_id: str | None, name: str | None, arguments: str | None) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def _dump(args: dict[str, Any], field: str) -> str:
    try:
        check_json(args, field)
        return json.dumps(args, ensure_ascii=False, separators=(",", ":"))
    except InvalidMessageError:
        raise
    except (ValueError, RecursionError) as error:
        raise InvalidMessageError(field, f"cannot be written as JSON ({error})") from error
