"""Records as LangChain's messages; see `codec`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from sessionkit_integrations.adapting.arguments import keep_texts
from sessionkit_integrations.adapting.letters import PART, THINKING
from sessionkit_integrations.adapting.with_pydantic import text_constructor
from sessionkit_integrations.langchain.calls import BARE, KWARG, SIGNATURES, decode_calls, thought_signatures
from sessionkit_integrations.langchain.content import decode_content, to_openai_parts
from sessionkit_integrations.langchain.fields import (
    DOCUMENT,
    IN_OPENAI_SHAPE,
    SHARED_KWARGS,
    TAG,
    THOUGHT,
    UNKNOWN,
    check_fields,
    construct,
    construct_ordinary,
    is_shared_kwarg,
    to_document,
)
from sessionkit_integrations.langchain.usage import MODEL_IN, put_usage
from sessionkit_integrations.records.fields import (
    ORDINARY_FIELDS,
    is_error,
    other_fields,
    reasoning_of,
    text_of_detail,
)
from sessionkit_integrations.records.media import text_part
from sessionkit_integrations.records.notes import restore
from sessionkit_integrations.records.unreadable import UnreadableRecordError, expect

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sessionkit_integrations.records.fields import Fields

_CLASSES: dict[str, type[BaseMessage]] = {
    "user": HumanMessage,
    "assistant": AIMessage,
    "system": SystemMessage,
    "tool": ToolMessage,
}
TEXT_DECODERS: Mapping[str, Callable[[Fields], BaseMessage]] = {
    role: text_constructor(cls(""), "content") for role, cls in _CLASSES.items() if cls is not ToolMessage
}
"""See `Reader.text_decoders`. A tool's message needs the id of its call as well."""
OWN_NAMES = frozenset(
    {
        *("chat", "function", "is_error"),
        *("reasoning_details", "reasoning_in_kwargs"),
        *("calls", "errors", "invalid", "invalid_tool_calls", "tool_calls_in_kwargs", "without_id"),
        *("order", "own", "shown", "shared", "changes"),
        *("unchecked", "values", "documents", MODEL_IN, UNKNOWN),
    }
)
"""Names under LangChain's field of a record that are not fields of the message."""
_NOTES = frozenset({"documents", "values"})


def decode(fields: Fields) -> BaseMessage:
    """Return the message that a record holds.

    Raises:
        UnreadableRecordError: The fields make no message.
    """
    extra = fields.get(TAG)
    if extra is not None:
        return _decode(fields, expect(extra, dict, TAG))
    if fields.keys() <= ORDINARY_FIELDS and not thought_signatures(fields.get("tool_calls")):
        return _decode_ordinary(fields)
    return _decode_foreign(fields)


def _decode_ordinary(fields: Fields) -> BaseMessage:
    """Return a message that says nothing beyond OpenAI's shape, as most do: what `_decode` does, and faster."""
    cls = _CLASSES[fields["role"]]
    content = fields.get("content")
    values: dict[str, Any] = {"content": content}
    if type(content) is not str:
        values["content"] = "" if content is None else decode_content(to_openai_parts(content), (), iter(()), {})
    if "name" in fields:
        values["name"] = fields["name"]
    if cls is ToolMessage:
        values["tool_call_id"] = fields.get("tool_call_id") or ""
    check_fields(values)
    if cls is not AIMessage or not fields.get("tool_calls"):
        return construct_ordinary(cls, values)
    valid, invalid, texts = decode_calls(fields["tool_calls"], {})
    message = construct_ordinary(cls, {**values, "tool_calls": valid, "invalid_tool_calls": invalid})
    keep_texts(message, texts)
    return message


def _decode_foreign(fields: Fields) -> BaseMessage:
    """Return a message that LangChain did not write, with what it says beyond OpenAI's shape."""
    extra: Fields = {}
    kwargs = other_fields(fields)
    content = fields.get("content")
    parts = [text_part(content)] if isinstance(content, str) and content else to_openai_parts(content or [])
    if not isinstance(content, str):
        fields = {**fields, "content": parts or ""}
    if fields["role"] == "assistant":
        details = reasoning_of(fields)
        signed = [detail for detail in details if isinstance(detail.get("signature"), str) and text_of_detail(detail)]
        unsigned = [text for detail in details if detail not in signed and (text := text_of_detail(detail))]
        if signed:
            fields = {**fields, "content": parts}
            extra["order"] = THINKING * len(signed) + PART * len(parts)
            extra["reasoning_details"] = signed
        if unsigned:
            # Where LangChain's models without a signature have it, and where it asks no other model to take it.
            kwargs[THOUGHT] = "\n\n".join(unsigned)
    if kwargs:
        extra["additional_kwargs"] = kwargs
    if fields["role"] == "tool" and is_error(fields):
        extra["is_error"] = True
    return _decode(fields, extra)


def _decode(fields: Fields, extra: Fields) -> BaseMessage:
    cls, values = _class_of(fields, extra)
    kwargs = dict(expect(extra.get("additional_kwargs", {}), dict, "additional_kwargs"))
    details = expect(extra.get("reasoning_details", []), list, "reasoning_details")
    if extra.get("reasoning_in_kwargs"):
        thought, *details = details or [None]
        kwargs[THOUGHT] = expect(expect(thought, dict, "reasoning").get("text"), str, "text of reasoning")
    calls = fields.get("tool_calls") or []
    called: Fields = {}
    texts: list[str] = []
    if cls is AIMessage and (calls or "invalid_tool_calls" in extra):
        called["tool_calls"], called["invalid_tool_calls"], texts = decode_calls(calls, extra)
        if extra.get("tool_calls_in_kwargs"):
            kwargs[KWARG] = [{name: value for name, value in call.items() if name in BARE} for call in calls]
        signatures = thought_signatures(calls)
        if signatures:
            kwargs[SIGNATURES] = {**_dict(kwargs.get(SIGNATURES)), **signatures}
    for name in SHARED_KWARGS:
        if name in fields and is_shared_kwarg(name, fields):
            kwargs[name] = fields[name]
    values["content"] = decode_content(fields.get("content"), called.get("tool_calls", ()), iter(details), extra)
    if "name" in fields:
        values["name"] = fields["name"]
    values |= _fields_in(extra)
    put_usage(values, fields, extra)
    if kwargs:
        values["additional_kwargs"] = kwargs
    check_fields(values)
    values |= called  # which are checked
    message = _make(cls, values, extra)
    if texts:
        keep_texts(message, texts)
    return message


def _class_of(fields: Fields, extra: Fields) -> tuple[type[BaseMessage], Fields]:
    """Return the class of a message, and the fields that only this class has."""
    if "chat" in extra:
        return ChatMessage, {"role": extra["chat"]}
    if extra.get("function"):
        return FunctionMessage, {}
    if fields["role"] == "tool":
        status = "error" if extra.get("is_error") else "success"
        return ToolMessage, {"tool_call_id": fields.get("tool_call_id") or "", "status": status}
    return _CLASSES[fields["role"]], {}


def _fields_in(extra: Fields) -> Fields:
    """Return the fields of a message that a record has under LangChain's field."""
    fields = extra
    if not OWN_NAMES.isdisjoint(extra):
        fields = {name: value for name, value in extra.items() if name not in OWN_NAMES}
    if not IN_OPENAI_SHAPE.isdisjoint(fields):
        raise UnreadableRecordError("a record must not say twice what OpenAI's shape has a place for")
    return fields


def _make(cls: type[BaseMessage], values: Fields, extra: Fields) -> BaseMessage:
    """Return a message, with what is not checked and what JSON cannot hold."""
    if "unchecked" in extra:
        values |= expect(extra["unchecked"], dict, "unchecked fields")
    values[UNKNOWN] = dict(expect(extra.get(UNKNOWN, {}), dict, "unknown fields"))
    if not _NOTES.isdisjoint(extra):
        _restore(values, extra)
    unknown = values.pop(UNKNOWN)
    return construct(cls, values, unknown)


def _restore(values: Fields, extra: Fields) -> None:
    """Make the values again that JSON cannot hold; earlier records have the paths of documents apart."""
    documents = expect(extra.get("documents", []), list, "documents")
    notes = [[path, DOCUMENT] for path in documents] + expect(extra.get("values", []), list, "values")
    if notes:
        restore(values, notes, {DOCUMENT: to_document})


def _dict(value: object) -> Fields:
    return value if isinstance(value, dict) else {}
