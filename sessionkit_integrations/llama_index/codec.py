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

from sessionkit_integrations.adapting.with_pydantic import maker, parse_json
from sessionkit_integrations.llama_index.blocks import block_of, is_known, text_block, thinking_block
from sessionkit_integrations.llama_index.calls import decode_calls, encode_calls
from sessionkit_integrations.llama_index.content import Held, blocks_of
from sessionkit_integrations.llama_index.values import dumped, restore

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
_UNKNOWN_BLOCKS = "unknown_blocks"
"""The additional keyword argument that keeps blocks of a later version of LlamaIndex."""
_message = maker(ChatMessage())


class LlamaIndexCodec:
    """How LlamaIndex's messages are written and read; see `Codec`."""

    parse_json = staticmethod(parse_json)

    def encode(self, messages: Sequence[ChatMessage]) -> Iterable[Fields]:
        """See `Codec.encode`."""
        for message in messages:
            if not isinstance(message, ChatMessage):
                raise InvalidMessageError("message", f"is a ChatMessage, not {type(message).__name__}")
            try:
                fields = _encode(message)
            except RecursionError as error:
                raise InvalidMessageError("message", "is nested too deeply") from error
            yield fields

    def decode(self, fields: Fields) -> ChatMessage:
        """See `Codec.decode`."""
        extra = fields.get(TAG)
        if extra is None:
            if fields.keys() <= ORDINARY_FIELDS and not isinstance(fields.get("content"), list):
                return _ordinary(fields)
            extra = _from_elsewhere(fields)
        return _decode(fields, extra)


def _encode(message: ChatMessage) -> Fields:
    extra: dict[str, Any] = {}
    role = _ROLES[message.role]
    if role != message.role.value:
        extra["role"] = message.role.value
    fields: Fields = {"role": role, "content": ""}
    kwargs = _encode_kwargs(message, fields, extra)
    held = Held(message.blocks)
    calls = encode_calls(held.calls, kwargs, extra)
    fields["content"] = held.content(or_none=bool(calls) and role == "assistant")
    if calls:
        fields["tool_calls"] = calls
    if kwargs:
        extra["additional_kwargs"] = kwargs
    extra |= held.beyond(fields)
    later = {name for name in type(message).model_fields if name not in _KNOWN and getattr(message, name) is not None}
    if later:
        extra["fields"] = message.model_dump(include=later, mode="json")
    if extra:
        fields[TAG] = extra
    return fields


def _from_elsewhere(fields: Fields) -> Fields:
    """Return what a message that no LlamaIndex wrote says beyond OpenAI's shape, as if LlamaIndex had said it."""
    extra: Fields = {}
    details = [detail for detail in reasoning_of(fields) if thinking_block(detail)]
    if details and fields["role"] == "assistant":
        extra["reasoning_details"] = details
    if fields["role"] == "tool" and is_error(fields):
        extra["is_error"] = True
    kwargs = other_fields(fields)
    if kwargs:
        extra["additional_kwargs"] = kwargs
    if isinstance(fields.get("content"), list):
        fields["content"] = [part for part in fields["content"] if block_of(part) is not None]
    return extra


def _ordinary(fields: Fields) -> ChatMessage:
    """Return a message that says nothing beyond OpenAI's shape, as most do: what `_decode` does, and faster."""
    content = fields.get("content")
    if type(content) is str:
        blocks: list[Any] = [text_block(content)]
    elif content is None:
        blocks = []
    else:
        raise ValueError("its content is neither a text nor a list")
    kwargs: dict[str, Any] = {}
    _add_shared(fields, kwargs)
    if "tool_calls" in fields:
        blocks += decode_calls(fields["tool_calls"] or (), kwargs, {})
    return _message({"role": _MESSAGE_ROLES[fields["role"]], "additional_kwargs": kwargs, "blocks": blocks})


def _decode(fields: Fields, extra: Fields) -> ChatMessage:
    kwargs = extra.get("additional_kwargs", {})
    if not isinstance(kwargs, dict):
        raise ValueError("its additional_kwargs are no dict")  # noqa: TRY004 - the record is at fault
    _add_shared(fields, kwargs)
    if "is_error" in extra:
        kwargs["is_error"] = extra["is_error"]
    calls = decode_calls(fields.get("tool_calls") or (), kwargs, extra)
    if "objects" in extra:
        restore(kwargs, extra["objects"])
    role = _MESSAGE_ROLES[extra["role"] if "role" in extra else fields["role"]]
    values = {"role": role, "additional_kwargs": kwargs, "blocks": blocks_of(fields, calls, extra)}
    for name, value in extra.get("fields", {}).items():
        (values if name in ChatMessage.model_fields else kwargs).setdefault(name, value)
    if "own" in extra and (unknown := [own for own in extra["own"] if not is_known(own)]):
        kwargs[_UNKNOWN_BLOCKS] = unknown
    return _message(values)


def _add_shared(fields: Fields, kwargs: dict[str, Any]) -> None:
    for name in _SHARED_KWARGS:
        if name in fields:
            value = fields[name]
            if isinstance(value, str):
                kwargs[name] = value
            elif value is not None:
                raise ValueError(f"its {name} is {value!r}")


def _encode_kwargs(message: ChatMessage, fields: Fields, extra: dict[str, Any]) -> dict[str, Any]:
    """Return the additional keyword arguments that OpenAI's shape has no place for; the others go into their places."""
    if not message.additional_kwargs:
        return {}
    objects: list[Any] = []
    kwargs = dumped(message.additional_kwargs, objects)
    for name in _SHARED_KWARGS:
        if isinstance(kwargs.get(name), str) and (name != "refusal" or fields["role"] == "assistant"):
            fields[name] = kwargs.pop(name)
    if kwargs.get("is_error") is True:
        extra["is_error"] = kwargs.pop("is_error")
    if objects:
        extra["objects"] = objects
    return kwargs
