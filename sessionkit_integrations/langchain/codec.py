"""LangChain's messages as records, and back.

A record holds the message in OpenAI's shape, and under ``langchain`` only what a message says beyond that. So a
plain `HumanMessage` costs no more than a plain message, and a reader of another framework finds all it can use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessionkit_integrations.errors import InvalidMessageError, MissingDependencyError

try:
    from langchain_core.messages import (
        AIMessage,
        BaseMessage,
        ChatMessage,
        FunctionMessage,
        HumanMessage,
        SystemMessage,
        ToolMessage,
    )
except ImportError as error:
    raise MissingDependencyError("SessionKitChatMessageHistory", "langchain") from error

from sessionkit_integrations.adapting.arguments import kept_texts
from sessionkit_integrations.adapting.objects import write_fields
from sessionkit_integrations.adapting.with_pydantic import dump_json, parse_json
from sessionkit_integrations.langchain.calls import CALL, KWARGS_OF_CALLS, encode_calls, plain_calls
from sessionkit_integrations.langchain.chunks import add_up
from sessionkit_integrations.langchain.content import encode_content
from sessionkit_integrations.langchain.decoding import TEXT_DECODERS, decode
from sessionkit_integrations.langchain.fields import (
    IN_OPENAI_SHAPE,
    SHARED_KWARGS,
    TAG,
    THOUGHT,
    is_shared_kwarg,
    is_valid,
    read_fields,
    replace_document,
    shown,
)
from sessionkit_integrations.langchain.usage import take_usage
from sessionkit_integrations.records.fields import reasoning_text
from sessionkit_integrations.records.ordinary import are_texts, is_plain_json, is_text
from sessionkit_integrations.records.sizes import MAX_MESSAGE_BYTES
from sessionkit_integrations.records.unreadable import brief

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sessionkit_integrations.records.fields import Fields

_ROLES: dict[type[BaseMessage], str] = {
    HumanMessage: "user",
    AIMessage: "assistant",
    SystemMessage: "system",
    ToolMessage: "tool",
    FunctionMessage: "tool",
}
_NOTHING: frozenset[str] = frozenset()
_ANYBODY = frozenset({"content", "name", "id"})
_METADATA = frozenset({"additional_kwargs", "response_metadata"})
_TEXTS: dict[type[BaseMessage], frozenset[str]] = {
    HumanMessage: _ANYBODY,
    AIMessage: _ANYBODY,
    SystemMessage: _ANYBODY,
    ToolMessage: _ANYBODY | {"tool_call_id", "status"},
}
"""Fields that hold texts, of messages of the classes that hold nothing else in most cases."""
_PLAIN: dict[type[BaseMessage], frozenset[str]] = {
    HumanMessage: _ANYBODY | _METADATA,
    AIMessage: _ANYBODY | _METADATA | {"tool_calls", "usage_metadata"},
    SystemMessage: _ANYBODY | _METADATA,
}
"""Fields of messages of these classes that are as chat models give and take them."""
_KWARGS_ELSEWHERE = frozenset({*KWARGS_OF_CALLS, THOUGHT, *SHARED_KWARGS})
"""Additional keyword arguments that a record may hold in another place."""
_SUCCESS = "success"
"""Status of results that are no errors, as most."""
_ROLES_OF_CHAT = {
    "system": "system",
    "developer": "system",
    "assistant": "assistant",
    "ai": "assistant",
    "model": "assistant",
    "tool": "tool",
    "function": "tool",
}


class LangChainCodec:
    """Codec of LangChain's messages; see `Codec`."""

    parse_json = staticmethod(parse_json)
    dump_json = staticmethod(dump_json)
    text_decoders = TEXT_DECODERS
    decode = staticmethod(decode)

    def encode(self, messages: Sequence[BaseMessage], max_bytes: int = MAX_MESSAGE_BYTES) -> Iterable[Fields]:
        """See `Codec.encode`. Chunks of a stream are stored as the message that they add up to."""
        for message in add_up(messages):
            try:
                fields = _encode(message, max_bytes)
            except RecursionError as error:
                raise InvalidMessageError("message", "is nested too deeply") from error
            yield fields


def _encode(message: BaseMessage, max_bytes: int) -> Fields:
    role, given = _role_of(message), read_fields(message)
    if len(given) == 1 and type(message) in _PLAIN and is_text(given["content"], max_bytes):
        return {"role": role, **given}
    if (
        given.keys() <= _TEXTS.get(type(message), _NOTHING)
        and given.get("status", _SUCCESS) == _SUCCESS
        and are_texts(given.values(), max_bytes)
    ):
        return _encode_texts(role, given)
    if _is_plain(message, given, max_bytes):
        return _encode_plain(message, role, given)
    return _encode_at_length(message, role, given, max_bytes)


def _encode_texts(role: str, given: Fields) -> Fields:
    """Return the fields of a message that holds texts alone, as most do: what `_encode_at_length` does, and faster."""
    fields: Fields = {"role": role, "content": given["content"]}
    if role == "tool":
        fields["tool_call_id"] = given.get("tool_call_id", "")
    if "name" in given:
        fields["name"] = given["name"]
    if "id" in given:
        fields[TAG] = {"id": given["id"]}
    return fields


def _is_plain(message: BaseMessage, given: Fields, max_bytes: int) -> bool:
    """Return whether a message is as chat models give and take them: with metadata, content blocks and valid calls."""
    if not given.keys() <= _PLAIN.get(type(message), _NOTHING):
        return False
    if not is_plain_json(given, max_bytes) or not all(map(is_valid, given, given.values())):
        return False
    kwargs = given.get("additional_kwargs", {})
    if any(kwargs[name] is not None for name in _KWARGS_ELSEWHERE.intersection(kwargs)):
        return False
    return all(call.keys() == CALL and call["id"] is not None for call in given.get("tool_calls", ()))


def _encode_plain(message: BaseMessage, role: str, given: Fields) -> Fields:
    """Return the fields of a message that `_is_plain`: what `_encode_at_length` does, and faster."""
    content, calls = given["content"], given.get("tool_calls", ())
    extra: Fields = {}
    if type(content) is not str:
        content, details, extra = encode_content(content, calls, has_calls=bool(calls))
        if details:
            extra["reasoning_details"] = details
    fields: Fields = {"role": role, "content": content or (None if calls else "")}
    if calls:
        fields["tool_calls"] = plain_calls(calls, kept_texts(message))
    if "name" in given:
        fields["name"] = given["name"]
    extra.update({name: value for name, value in given.items() if name not in IN_OPENAI_SHAPE})
    usage = take_usage(extra)
    if extra:
        fields[TAG] = extra
    fields.update(usage)
    return fields


def _encode_at_length(message: BaseMessage, role: str, given: Fields, max_bytes: int) -> Fields:
    values, notes = write_fields(given, max_bytes, replace_document)
    unchecked = {name: value for name, value in values.items() if not is_valid(name, value)}
    values.update({name: shown(name, value) for name, value in unchecked.items()})
    invalid = values.get("invalid_tool_calls", [])
    valid = values.get("tool_calls", [])
    calls, extra, kwargs = encode_calls(valid, invalid, values.get("additional_kwargs", {}), kept_texts(message))
    thought = kwargs.get(THOUGHT) if role == "assistant" else None
    thoughts = [reasoning_text(thought)] if isinstance(thought, str) else []
    content, details, extra_of_content = encode_content(values["content"], valid, has_calls=bool(calls or invalid))
    shared = {name: kwargs[name] for name in SHARED_KWARGS if role == "assistant" and is_shared_kwarg(name, kwargs)}
    fields: Fields = {"role": role, "content": content or (None if calls else ""), **shared}
    if calls:
        fields["tool_calls"] = calls
    if isinstance(message, ToolMessage):
        fields["tool_call_id"] = values.get("tool_call_id", "")
    if values.get("name") is not None:
        fields["name"] = values["name"]
    moved = {*shared, THOUGHT} if thoughts else shared
    rest = {name: value for name, value in values.items() if name not in IN_OPENAI_SHAPE and name not in unchecked}
    rest["additional_kwargs"] = {name: value for name, value in kwargs.items() if name not in moved}
    if not rest["additional_kwargs"]:
        del rest["additional_kwargs"]
    usage = take_usage(rest) if role == "assistant" else {}
    extra = {
        **_kind_of(message, values),
        **extra,
        **({"reasoning_in_kwargs": True} if thoughts else {}),
        **extra_of_content,
        **({"reasoning_details": [*thoughts, *details]} if thoughts or details else {}),
        **rest,
        **({"unchecked": unchecked} if unchecked else {}),
        **({"values": notes} if notes else {}),
    }
    return {**fields, TAG: extra, **usage} if extra else {**fields, **usage}


def _role_of(message: BaseMessage) -> str:
    role_of_class = _ROLES.get(type(message))  # most messages are of these classes, and isinstance takes much longer
    if role_of_class is not None:
        return role_of_class
    if not isinstance(message, BaseMessage):
        raise InvalidMessageError("message", f"must be a BaseMessage, got {type(message).__name__}")
    if isinstance(message, ChatMessage):
        role = vars(message).get("role")
        return _ROLES_OF_CHAT.get(role, "user") if isinstance(role, str) else "user"
    for cls, role in _ROLES.items():
        if isinstance(message, cls):
            return role
    raise InvalidMessageError(
        "type", f"must be the type of a message in a conversation, got {brief(vars(message).get('type'))}"
    )


def _kind_of(message: BaseMessage, values: Fields) -> Fields:
    """Return what tells the class of a message, and a failure of a tool."""
    if isinstance(message, ChatMessage):
        return {"chat": values.get("role", "")}
    if isinstance(message, FunctionMessage):
        return {"function": True}
    return {"is_error": True} if isinstance(message, ToolMessage) and values.get("status") == "error" else {}
