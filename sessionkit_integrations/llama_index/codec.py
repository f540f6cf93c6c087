"""LlamaIndex's messages as records, and back.

A record holds the message in OpenAI's shape, and under ``llama_index`` only what a message says beyond that: what its
blocks say more, their order, and additional keyword arguments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessionkit_integrations.errors import InvalidMessageError, MissingDependencyError
from sessionkit_integrations.records.fields import ORDINARY_FIELDS, is_error, other_fields, reasoning_of

try:
    from llama_index.core.base.llms.types import (
        ChatMessage,
        MessageRole,
    )
except ImportError as error:
    raise MissingDependencyError("SessionKitChatStore", "llama-index") from error

from sessionkit_integrations.adapting.with_pydantic import parse_json, unvalidated_constructor
from sessionkit_integrations.llama_index.blocks import is_supported, text_block
from sessionkit_integrations.llama_index.calls import KWARG as TOOL_CALLS
from sessionkit_integrations.llama_index.calls import decode_calls, encode_calls, given_calls
from sessionkit_integrations.llama_index.content import EncodedBlocks, decode_blocks
from sessionkit_integrations.llama_index.natural import decode_content, decode_thinking
from sessionkit_integrations.llama_index.values import dump_value, restore
from sessionkit_integrations.records.parts import parts_in, read_content
from sessionkit_integrations.records.sizes import MAX_MESSAGE_BYTES, check_bounds, fields_of
from sessionkit_integrations.records.strict import check_fields
from sessionkit_integrations.records.unreadable import UnreadableRecordError, brief, expect

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sessionkit_integrations.records.fields import Fields

TAG = "llama_index"

_ROLES = {
    MessageRole.SYSTEM: "system",
    MessageRole.DEVELOPER: "system",
    MessageRole.USER: "user",
    MessageRole.ASSISTANT: "assistant",
    MessageRole.CHATBOT: "assistant",
    MessageRole.MODEL: "assistant",
    MessageRole.TOOL: "tool",
    MessageRole.FUNCTION: "tool",
}
_MESSAGE_ROLES = {role.value: role for role in MessageRole}
_SHARED_KWARGS = ("tool_call_id", "name", "refusal")
"""Additional keyword arguments that OpenAI's shape has a field for."""
_KNOWN = frozenset({"role", "blocks", "additional_kwargs"})
_UNSUPPORTED_BLOCKS = "unknown_blocks"
"""Additional keyword argument for blocks of a later version of LlamaIndex."""
_make_message = unvalidated_constructor(ChatMessage())


class LlamaIndexCodec:
    """Codec of LlamaIndex's messages; see `Codec`."""

    parse_json = staticmethod(parse_json)

    def encode(self, messages: Sequence[ChatMessage], max_bytes: int = MAX_MESSAGE_BYTES) -> Iterable[Fields]:
        """See `Codec.encode`."""
        for message in messages:
            if not isinstance(message, ChatMessage):
                raise InvalidMessageError("message", f"must be a ChatMessage, got {type(message).__name__}")
            check_bounds(fields_of(message), max_bytes)
            try:
                fields = _encode(message)
            except RecursionError as error:
                raise InvalidMessageError("message", "is nested too deeply") from error
            check_fields(fields)
            yield fields

    def decode(self, fields: Fields) -> ChatMessage:
        """See `Codec.decode`."""
        extra = fields.get(TAG)
        if extra is None:
            if fields.keys() <= ORDINARY_FIELDS and not isinstance(fields.get("content"), list):
                return _decode_ordinary(fields)
            return _decode_foreign(fields)
        return _decode(fields, expect(extra, dict, TAG))


def _encode(message: ChatMessage) -> Fields:
    role = _ROLES[message.role]
    kwargs, objects = dump_value(message.additional_kwargs)
    blocks = EncodedBlocks(message.blocks)
    calls, extra_of_calls, given = encode_calls(blocks.calls, kwargs)
    shared = _shared_kwargs(kwargs, role)
    fields: Fields = {"role": role, "content": blocks.content(optional=bool(calls) and role == "assistant"), **shared}
    if calls:
        fields["tool_calls"] = calls
    elsewhere = {*shared, *((TOOL_CALLS,) if given else ())}
    extra: Fields = {} if role == message.role.value else {"role": message.role.value}
    if kwargs.get("is_error") is True:
        extra["is_error"] = True
        elsewhere.add("is_error")
    if objects:
        extra["objects"] = objects
    extra |= extra_of_calls
    rest = {name: value for name, value in kwargs.items() if name not in elsewhere}
    if rest:
        extra["additional_kwargs"] = rest
    extra |= blocks.rest(fields)
    later = {name for name in type(message).model_fields if name not in _KNOWN and getattr(message, name) is not None}
    if later:
        extra["fields"] = message.model_dump(include=later, mode="json")
    return {**fields, TAG: extra} if extra else fields


def _shared_kwargs(kwargs: Fields, role: str) -> dict[str, str]:
    """Return the additional keyword arguments that OpenAI's shape has a field for."""
    return {
        name: kwargs[name]
        for name in _SHARED_KWARGS
        if isinstance(kwargs.get(name), str) and (name != "refusal" or role == "assistant")
    }


def _decode_ordinary(fields: Fields) -> ChatMessage:
    """Return a message that says nothing beyond OpenAI's shape, as most do: what `_decode` does, and faster."""
    content = fields.get("content")
    if type(content) is str:
        blocks: list[Any] = [text_block(content)]
    elif content is None:
        blocks = []
    else:
        raise UnreadableRecordError("content must be a string or a list")
    if "tool_calls" in fields:
        blocks += decode_calls(fields["tool_calls"] or [], {})
    role = _MESSAGE_ROLES[fields["role"]]
    return _make_message({"role": role, "additional_kwargs": _kwargs_of(fields), "blocks": blocks})


def _decode(fields: Fields, extra: Fields) -> ChatMessage:
    kwargs = expect(extra.get("additional_kwargs", {}), dict, "additional_kwargs") | _kwargs_of(fields)
    if "is_error" in extra:
        kwargs["is_error"] = extra["is_error"]
    calls = fields.get("tool_calls") or []
    given = given_calls(calls, extra)
    if given is not None:
        kwargs[TOOL_CALLS] = given
    blocks = decode_blocks(fields, decode_calls(calls, extra), extra)
    if "objects" in extra:
        restore(kwargs, extra["objects"])
    role = _MESSAGE_ROLES.get(expect(extra.get("role", fields["role"]), str, "role"))
    if role is None:
        raise UnreadableRecordError(f"LlamaIndex has no role {extra['role']!r}")
    values = {"role": role, "additional_kwargs": kwargs, "blocks": blocks}
    for name, value in expect(extra.get("fields", {}), dict, "fields").items():
        (values if name in ChatMessage.model_fields else kwargs).setdefault(name, value)
    unsupported = [own for own in extra.get("own", ()) if not is_supported(own)]
    if unsupported:
        kwargs[_UNSUPPORTED_BLOCKS] = unsupported
    return _make_message(values)


def _decode_foreign(fields: Fields) -> ChatMessage:
    """Return a message that LlamaIndex did not write."""
    role = fields["role"]
    parts_in(fields.get("content"))  # or it is unreadable
    details = reasoning_of(fields) if role == "assistant" else []
    kwargs = other_fields(fields) | _kwargs_of(fields)
    if role == "tool" and is_error(fields):
        kwargs["is_error"] = True
    thoughts = [block for block in map(decode_thinking, details) if block is not None]
    contents = [decode_content(content) for content in read_content(fields)]
    blocks = [*thoughts, *contents, *decode_calls(fields.get("tool_calls") or [], {})]
    return _make_message({"role": _MESSAGE_ROLES[role], "additional_kwargs": kwargs, "blocks": blocks})


def _kwargs_of(fields: Fields) -> dict[str, Any]:
    """Return the additional keyword arguments that OpenAI's shape has a field for."""
    kwargs = {}
    for name in _SHARED_KWARGS:
        if name in fields:
            value = fields[name]
            if isinstance(value, str):
                kwargs[name] = value
            elif value is not None and name != "refusal":  # which nobody checks
                raise UnreadableRecordError(f"{name} must be a string, got {brief(value)}")
    return kwargs
