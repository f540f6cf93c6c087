"""LlamaIndex's messages as records, and back.

A record holds the message in OpenAI's shape, and under ``llama_index`` only what a message says beyond that: what its
blocks say more, their order, and additional keyword arguments.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.errors import InvalidMessageError, MissingDependencyError
from sessionkit_integrations.records.fields import ORDINARY_FIELDS, is_error, other_fields, reasoning_of

try:
    from llama_index.core.base.llms.types import (
        ChatMessage,
        CitableBlock,
        CitationBlock,
        MessageRole,
        TextBlock,
    )
except ImportError as error:
    raise MissingDependencyError("SessionKitChatStore", "llama-index") from error

from sessionkit_integrations.adapting.with_pydantic import dump_json, parse_json, unvalidated_constructor
from sessionkit_integrations.llama_index.blocks import is_supported, text_block
from sessionkit_integrations.llama_index.calls import KWARG as TOOL_CALLS
from sessionkit_integrations.llama_index.calls import decode_calls, encode_calls, given_calls
from sessionkit_integrations.llama_index.content import EncodedBlocks, decode_blocks
from sessionkit_integrations.llama_index.natural import decode_content, decode_thinking
from sessionkit_integrations.llama_index.usage import noted_usage, take_usage, usage_kwargs
from sessionkit_integrations.llama_index.values import restore, write
from sessionkit_integrations.records.ordinary import are_texts, is_text
from sessionkit_integrations.records.parts import parts_in, read_content
from sessionkit_integrations.records.sizes import MAX_MESSAGE_BYTES, check_bounds, fields_of
from sessionkit_integrations.records.unreadable import UnreadableRecordError, brief, expect
from sessionkit_integrations.records.usage import USAGE

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
_PLAIN_ROLES = frozenset({MessageRole.SYSTEM, MessageRole.USER, MessageRole.ASSISTANT, MessageRole.TOOL})
"""Roles that OpenAI's shape has by the same name."""
_HOLDING = frozenset({CitableBlock, CitationBlock, ChatMessage})
_MESSAGE_ROLES = {role.value: role for role in MessageRole}
_SHARED_KWARGS = {"tool_call_id": {"tool"}, "name": {*_ROLES.values()}, "refusal": {"assistant"}}
"""Additional keyword arguments that OpenAI's shape has a field for, and the roles that have it.

Agents put a call's id into the assistant's message too, where a tool's result is the answer.
"""
_KNOWN = frozenset({"role", "blocks", "additional_kwargs"})
_OF_RESULTS = frozenset({"tool_call_id"})
"""Additional keyword arguments that results of tools have in most cases."""
_UNSUPPORTED_BLOCKS = "unknown_blocks"
"""Additional keyword argument for blocks of a later version of LlamaIndex."""
_NOTES = frozenset({"objects", "values"})
_make_message = unvalidated_constructor(ChatMessage())


def _decode_text(fields: Fields) -> ChatMessage:
    blocks = [text_block(fields["content"])]
    return _make_message({"role": _MESSAGE_ROLES[fields["role"]], "additional_kwargs": {}, "blocks": blocks})


class LlamaIndexCodec:
    """Codec of LlamaIndex's messages; see `Codec`."""

    parse_json = staticmethod(parse_json)
    dump_json = staticmethod(dump_json)
    text_decoders = dict.fromkeys(_ROLES.values(), _decode_text)

    def encode(self, messages: Sequence[ChatMessage], max_bytes: int = MAX_MESSAGE_BYTES) -> Iterable[Fields]:
        """See `Codec.encode`."""
        for message in messages:
            yield _encode_text(message, max_bytes) or _encode_at_length(message, max_bytes)

    def decode(self, fields: Fields) -> ChatMessage:
        """See `Codec.decode`."""
        if TAG in fields:
            return _decode(fields, expect(fields[TAG], dict, TAG))
        fields.pop(USAGE, None)
        if fields.keys() <= ORDINARY_FIELDS and not isinstance(fields.get("content"), list):
            return _decode_ordinary(fields)
        return _decode_foreign(fields)


def _encode_text(message: ChatMessage, max_bytes: int) -> Fields | None:
    """Return the fields of a message that is one text, as most are: what `_encode_at_length` does, and faster."""
    if type(message) is not ChatMessage or (said := vars(message)).keys() != _KNOWN:
        return None
    role, blocks, kwargs = said["role"], said["blocks"], said["additional_kwargs"]
    if type(role) is not MessageRole or role not in _PLAIN_ROLES or type(blocks) is not list or len(blocks) != 1:
        return None
    if type(blocks[0]) is not TextBlock or not (text := blocks[0].text) or not is_text(text, max_bytes):
        return None
    if kwargs != {} and not (
        role is MessageRole.TOOL
        and type(kwargs) is dict
        and kwargs.keys() == _OF_RESULTS
        and are_texts([text, *kwargs.values()], max_bytes)
    ):
        return None
    return {"role": _ROLES[role], "content": text, **kwargs}


def _encode_at_length(message: ChatMessage, max_bytes: int) -> Fields:
    if not isinstance(message, ChatMessage):
        raise InvalidMessageError("message", f"must be a ChatMessage, got {type(message).__name__}")
    if _holds_blocks(message):
        check_bounds(fields_of(message), max_bytes)
    try:
        return _encode(message, max_bytes)
    except RecursionError as error:
        raise InvalidMessageError("message", "is nested too deeply") from error


def _encode(message: ChatMessage, max_bytes: int) -> Fields:
    said = vars(message)
    message_role = _checked_role(said.get("role"))
    role = _ROLES[message_role]
    later = {name: said[name] for name in type(message).model_fields.keys() - _KNOWN if said.get(name) is not None}
    given = {"additional_kwargs": _kwargs(said.get("additional_kwargs"))} | later
    values, notes = write(given, max_bytes) if later or given["additional_kwargs"] else (given, [])
    kwargs = values.pop("additional_kwargs")
    blocks = EncodedBlocks(_blocks(said.get("blocks")), max_bytes)
    calls, extra_of_calls, is_given = encode_calls(blocks.calls, kwargs)
    shared = _shared_kwargs(kwargs, role)
    fields: Fields = {"role": role, "content": blocks.content(optional=bool(calls) and role == "assistant"), **shared}
    if calls:
        fields["tool_calls"] = calls
    failed = kwargs.get("is_error") is True
    elsewhere = {*shared, *([TOOL_CALLS] if is_given else []), *(["is_error"] if failed else [])}
    rest = {name: value for name, value in kwargs.items() if name not in elsewhere}
    usage, names, rest = take_usage(rest) if role == "assistant" else ({}, {}, rest)
    usage = usage or noted_usage(message)
    notes = notes + blocks.notes
    extra = {
        **({} if role == message_role.value else {"role": message_role.value}),
        **({"is_error": True} if failed else {}),
        **extra_of_calls,
        **({"additional_kwargs": rest} if rest else {}),
        **names,
        **blocks.rest(fields),
        **({"fields": values} if values else {}),
        **({"values": notes} if notes else {}),
    }
    return {**fields, TAG: extra, **usage} if extra else {**fields, **usage}


def _holds_blocks(message: ChatMessage) -> bool:
    """Return whether a block of a message holds others, which may hold each other without an end."""
    blocks = vars(message).get("blocks")
    return isinstance(blocks, (list, tuple)) and not _HOLDING.isdisjoint(map(type, blocks))


def _checked_role(role: object) -> MessageRole:
    """Return the role of a message, which may have been assigned as text."""
    try:
        return MessageRole(role)
    except ValueError:
        known = ", ".join(each.value for each in MessageRole)
        raise InvalidMessageError("role", f"must be one of {known}, got {brief(role)}") from None


def _kwargs(given: Any) -> dict[Any, Any]:
    """Return additional keyword arguments, instead of which anything may have been assigned."""
    if given is None or isinstance(given, Mapping):
        return dict(given or {})
    return {"additional_kwargs": given}


def _blocks(given: Any) -> Sequence[Any]:
    """Return the blocks of a message, instead of which anything may have been assigned."""
    if given is None or isinstance(given, (list, tuple)):
        return given or ()
    return [given]


def _shared_kwargs(kwargs: Fields, role: str) -> dict[str, str]:
    """Return the additional keyword arguments that OpenAI's shape has a field for."""
    return {
        name: kwargs[name]
        for name, roles in _SHARED_KWARGS.items()
        if role in roles and isinstance(kwargs.get(name), str)
    }


def _decode_ordinary(fields: Fields) -> ChatMessage:
    """Return a message that says nothing beyond OpenAI's shape, as most do: what `_decode` does, and faster."""
    content = fields.get("content")
    blocks: list[Any] = [] if content is None else [text_block(expect(content, str, "content"))]
    if fields.get("tool_calls"):
        blocks += decode_calls(expect(fields["tool_calls"], list, TOOL_CALLS), {})
    role = _MESSAGE_ROLES[fields["role"]]
    return _make_message({"role": role, "additional_kwargs": _kwargs_of(fields), "blocks": blocks})


def _decode(fields: Fields, extra: Fields) -> ChatMessage:
    kwargs = expect(extra.get("additional_kwargs", {}), dict, "additional_kwargs") | _kwargs_of(fields)
    kwargs |= usage_kwargs(fields, extra)
    if "is_error" in extra:
        kwargs["is_error"] = extra["is_error"]
    calls = expect(fields.get("tool_calls") or [], list, TOOL_CALLS)
    given = given_calls(calls, extra)
    if given is not None:
        kwargs[TOOL_CALLS] = given
    role = extra.get("role", fields["role"])
    if not isinstance(role, str) or role not in _MESSAGE_ROLES:
        raise UnreadableRecordError(f"role must be one of {', '.join(_MESSAGE_ROLES)}, got {brief(role)}")
    blocks = decode_blocks(fields, decode_calls(calls, extra), extra)
    later = expect(extra.get("fields", {}), dict, "fields")
    values = {"role": _MESSAGE_ROLES[role], "additional_kwargs": kwargs, "blocks": blocks, **later}
    _restore(values, extra)
    values["blocks"] = [
        block for each in blocks for block in (each if isinstance(each, list) else [each]) if block is not None
    ]
    for name in later.keys() - ChatMessage.model_fields.keys() if later else ():
        kwargs.setdefault(name, values.pop(name))
    unsupported = [own for own in extra.get("own", ()) if not is_supported(own)]
    if unsupported:
        kwargs[_UNSUPPORTED_BLOCKS] = unsupported
    return _make_message(values)


def _restore(values: Fields, extra: Fields) -> None:
    """Make the values again that JSON cannot hold."""
    if _NOTES.isdisjoint(extra):
        return
    objects = expect(extra.get("objects", []), list, "objects")  # as earlier records have them
    notes = [
        [["additional_kwargs", *expect(path, list, "path of an object")], *kind]
        for path, *kind in (expect(each, list, "object") or [None] for each in objects)
    ]
    notes += expect(extra.get("values", []), list, "values")
    if notes:
        restore(values, notes)


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
    calls = decode_calls(expect(fields.get("tool_calls") or [], list, TOOL_CALLS), {})
    blocks = [*thoughts, *contents, *calls]
    return _make_message({"role": _MESSAGE_ROLES[role], "additional_kwargs": kwargs, "blocks": blocks})


def _kwargs_of(fields: Fields) -> dict[str, Any]:
    """Return the additional keyword arguments that OpenAI's shape has a field for."""
    if _SHARED_KWARGS.keys().isdisjoint(fields):
        return {}
    kwargs = {name: fields[name] for name in _SHARED_KWARGS if fields.get(name) is not None}
    for name in kwargs.keys() - {"refusal"}:  # which nobody checks
        expect(kwargs[name], str, name)
    return {name: value for name, value in kwargs.items() if isinstance(value, str)}
