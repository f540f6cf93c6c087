"""LangChain's messages as records, and back.

A record holds the message in OpenAI's shape, and under ``langchain`` only what a message says beyond that. So a
plain `HumanMessage` costs no more than a plain message, and a reader of another framework finds all it can use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessionkit_integrations.errors import InvalidMessageError, MissingDependencyError
from sessionkit_integrations.records.fields import (
    ORDINARY_FIELDS,
    is_error,
    other_fields,
    reasoning_of,
    reasoning_text,
    text_of_detail,
)

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

from sessionkit_integrations.adapting.arguments import keep_texts
from sessionkit_integrations.adapting.with_pydantic import parse_json
from sessionkit_integrations.langchain.calls import decode_calls, encode_calls, thought_signatures
from sessionkit_integrations.langchain.chunks import whole
from sessionkit_integrations.langchain.content import decode_content, encode_content
from sessionkit_integrations.langchain.making import make
from sessionkit_integrations.langchain.values import dumped, restore
from sessionkit_integrations.records.media import text_part
from sessionkit_integrations.records.sizes import MAX_MESSAGE_BYTES, check_bounds, fields_of
from sessionkit_integrations.records.strict import check_fields
from sessionkit_integrations.records.tool_calls import texts_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sessionkit_integrations.records.fields import Fields

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
_CLASSES: dict[str, type[BaseMessage]] = {
    "user": HumanMessage,
    "assistant": AIMessage,
    "system": SystemMessage,
    "tool": ToolMessage,
}
_SHARED = frozenset({"type", "content", "name", "role", "tool_calls", "invalid_tool_calls", "tool_call_id", "status"})
"""Fields that OpenAI's shape has a place for, or that are known by name here."""
_OF_CHUNKS = frozenset({"tool_call_chunks", "chunk_position"})
"""Fields that a whole message has no more."""
_SAID_ELSEWHERE = _SHARED | _OF_CHUNKS
_REFUSAL = "refusal"
"""A field in OpenAI's shape, an additional keyword argument in LangChain."""
_PART, _THINKING = "p", "t"
_SIGNATURES = "__gemini_function_call_thought_signatures__"
"""The additional keyword argument in which LangChain's Gemini integration keeps them, by the ids of the calls."""
_UNKNOWN = "fields"
"""Where fields that LangChain does not know are held, apart from those that it does."""


class LangChainCodec:
    """How LangChain's messages are written and read; see `Codec`."""

    parse_json = staticmethod(parse_json)

    def encode(self, messages: Sequence[BaseMessage], max_bytes: int = MAX_MESSAGE_BYTES) -> Iterable[Fields]:
        """See `Codec.encode`. Chunks are stored as the whole message they add up to."""
        for message in whole(messages):
            check_bounds(fields_of(message), max_bytes)
            try:
                fields = _encode(message)
            except RecursionError as error:
                raise InvalidMessageError("message", "is nested too deeply") from error
            check_fields(fields)
            yield fields

    def decode(self, fields: Fields) -> BaseMessage:
        """See `Codec.decode`."""
        extra = fields.get(TAG)
        if extra is None:
            if fields.keys() <= ORDINARY_FIELDS and not thought_signatures(fields.get("tool_calls") or ()):
                return _ordinary(fields)
            extra = _from_elsewhere(fields)
        if "documents" in extra:
            restore(extra, extra.pop("documents"))
        return _decode(fields, extra)


def _encode(message: BaseMessage) -> Fields:
    extra: dict[str, Any] = {}
    details: list[Fields] = []
    role = _role(message, extra)
    kwargs = dict(message.additional_kwargs)
    calls: list[Fields] = []
    valid: Sequence[Any] = ()
    if isinstance(message, AIMessage):
        calls, valid = encode_calls(message, kwargs, extra), message.tool_calls
        thought = kwargs.get("reasoning_content")
        if isinstance(thought, str):
            del kwargs["reasoning_content"]
            extra["reasoning_in_kwargs"] = True
            details.append(reasoning_text(thought))
    content = encode_content(message.content, valid, details, extra)
    fields: Fields = {"role": role, "content": content or (None if calls else "")}
    if role == "assistant" and isinstance(kwargs.get(_REFUSAL), str):
        fields[_REFUSAL] = kwargs.pop(_REFUSAL)
    if calls:
        fields["tool_calls"] = calls
    if isinstance(message, ToolMessage):
        fields["tool_call_id"] = message.tool_call_id
        if message.status == "error":
            extra["is_error"] = True
    if message.name is not None:
        fields["name"] = message.name
    if details:
        extra["reasoning_details"] = details
    _encode_rest(message, kwargs, extra)
    if extra:
        fields[TAG] = extra
    return fields


def _encode_rest(message: BaseMessage, kwargs: dict[str, Any], extra: dict[str, Any]) -> None:
    """Add what OpenAI's shape has no place for, but for what is empty by default."""
    documents: list[list[str | int]] = []
    # Asked of the class: a message may have a field of a name that LangChain does not know.
    for name in type(message).model_fields:
        if name not in _SAID_ELSEWHERE:
            value = kwargs if name == "additional_kwargs" else getattr(message, name)
            is_default = value is None or (name != "artifact" and isinstance(value, (dict, list)) and not value)
            if not is_default:
                extra[name] = dumped(value, documents, [name])
    if message.model_extra:
        extra[_UNKNOWN] = dumped(message.model_extra, documents, [_UNKNOWN])
    if documents:
        extra["documents"] = documents


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


def _from_elsewhere(fields: Fields) -> Fields:
    """Return what a message that no LangChain wrote says beyond OpenAI's shape, as if LangChain had said it."""
    extra: Fields = {}
    kwargs = other_fields(fields)
    if fields["role"] == "assistant":
        details = reasoning_of(fields)
        signed = [detail for detail in details if isinstance(detail.get("signature"), str) and text_of_detail(detail)]
        unsigned = [text for detail in details if detail not in signed and (text := text_of_detail(detail))]
        if signed:
            content = fields.get("content")
            parts = [text_part(content)] if isinstance(content, str) and content else content or []
            fields["content"] = parts
            extra["order"] = _THINKING * len(signed) + _PART * len(parts)
            extra["reasoning_details"] = signed
        if unsigned:
            # Where LangChain's models without a signature have it, and where it asks no other model to take it.
            kwargs["reasoning_content"] = "\n\n".join(unsigned)
        signatures = thought_signatures(fields.get("tool_calls") or ())
        if signatures:
            kwargs[_SIGNATURES] = signatures
    if kwargs:
        extra["additional_kwargs"] = kwargs
    if fields["role"] == "tool" and is_error(fields):
        extra["is_error"] = True
    return extra


def _ordinary(fields: Fields) -> BaseMessage:
    """Return a message that says nothing beyond OpenAI's shape, as most do: what `_decode` does, and faster."""
    cls = _CLASSES[fields["role"]]
    content = fields.get("content")
    calls = fields.get("tool_calls")
    values: dict[str, Any] = {"content": content}
    if type(content) is not str:
        values["content"] = "" if content is None else decode_content(content, (), iter(()), {})
    if "name" in fields:
        values["name"] = fields["name"]
    if cls is ToolMessage:
        values["tool_call_id"] = fields.get("tool_call_id") or ""
    elif calls and cls is AIMessage:
        values["tool_calls"], values["invalid_tool_calls"] = decode_calls(calls, {})
    message = make(cls, values, {})
    if "tool_calls" in values:
        keep_texts(message, [texts_of(call)[2] for call in calls or ()])
    return message


def _decode(fields: Fields, extra: Fields) -> BaseMessage:
    values: dict[str, Any] = {}
    cls = _class(fields, extra, values)
    unknown = extra.pop(_UNKNOWN, {})
    if not isinstance(unknown, dict):
        raise ValueError("its unknown fields are no dict")  # noqa: TRY004 - the record is at fault
    details = extra.pop("reasoning_details", ())
    thought = None
    if extra.pop("reasoning_in_kwargs", False):
        thought, details = details[0]["text"], details[1:]
    calls: Sequence[Any] = ()
    raw = fields.get("tool_calls")
    if cls is AIMessage and (raw or "invalid_tool_calls" in extra):
        raw = raw or []
        in_kwargs = extra.pop("tool_calls_in_kwargs", False)
        calls, invalid = decode_calls(raw, extra)
        values |= {"tool_calls": calls, "invalid_tool_calls": invalid}
        if in_kwargs:
            extra.setdefault("additional_kwargs", {})["tool_calls"] = raw
    if thought is not None:
        extra.setdefault("additional_kwargs", {})["reasoning_content"] = thought
    if isinstance(fields.get(_REFUSAL), str):
        extra.setdefault("additional_kwargs", {})[_REFUSAL] = fields[_REFUSAL]
    values["content"] = decode_content(fields.get("content"), calls, iter(details), extra)
    if "name" in fields:
        values["name"] = fields["name"]
    if not extra.keys().isdisjoint(_SHARED):
        raise ValueError("it says twice what OpenAI's shape has a place for")
    values.update(extra)
    message = make(cls, values, unknown)
    if "tool_calls" in values:
        keep_texts(message, [texts_of(call)[2] for call in raw or ()])
    return message


def _class(fields: Fields, extra: Fields, values: dict[str, Any]) -> type[BaseMessage]:
    """Return the class of a message; what only this class has goes into ``values``."""
    failed = extra.pop("is_error", False)
    if "chat" in extra:
        values["role"] = extra.pop("chat")
        return ChatMessage
    if extra.pop("function", False):
        return FunctionMessage
    if fields["role"] == "tool":
        values["tool_call_id"] = fields.get("tool_call_id") or ""
        values["status"] = "error" if failed else "success"
    return _CLASSES[fields["role"]]
