"""The fields of LangChain's messages: what each of them may hold, and messages that are made of them.

LangChain validates a message when it is constructed. Later assignments and `model_construct` may put anything into any
field, and integrations do: some assign a ``usage_metadata`` without a total. Such a value is stored as it is, so that
the message comes back equal. To other readers, who rely on the shape of a record, it is shown as near to its meaning
as the field allows.
"""

from __future__ import annotations

import json
from functools import cache
from types import NoneType
from typing import TYPE_CHECKING, Any

from langchain_core.documents import Document
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from pydantic import ValidationError

from sessionkit_integrations.adapting.objects import dump_object
from sessionkit_integrations.adapting.with_pydantic import unvalidated_constructor
from sessionkit_integrations.records.unreadable import UnreadableRecordError, brief, expect
from sessionkit_integrations.records.values import Replacement

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TAG = "langchain"
"""Name of the field in which records hold what only LangChain's messages say."""
IN_OPENAI_SHAPE = frozenset(
    {"type", "content", "name", "role", "tool_calls", "invalid_tool_calls", "tool_call_id", "status"}
)
"""Fields that OpenAI's shape has a place for, or that have a name of their own under LangChain's field."""
SHARED_KWARGS = ("refusal", "extra_content")
"""Additional keyword arguments of an assistant's message that are fields in OpenAI's shape."""
THOUGHT = "reasoning_content"
"""Additional keyword argument in which LangChain's models without a signature keep their reasoning."""
UNKNOWN = "fields"
"""Name under which fields that LangChain does not know are held, apart from those that it does."""
DOCUMENT = "document"
"""Kind of the note of a `Document`, which retrievers give as the artifact of a tool message."""

_READ_ELSEWHERE = frozenset({"content", "tool_call_chunks", "chunk_position"})
"""Fields that are read in any case, and those of chunks that the message they add up to does not have."""
_NO_DEFAULT = object()
"""Default of fields that are never left out."""
_TEXT = (str, NoneType)
_CALL = {"name": (str,), "args": (dict,), "id": _TEXT}
_INVALID_CALL = {"name": _TEXT, "args": _TEXT, "id": _TEXT, "error": _TEXT}


def read_fields(message: BaseMessage) -> dict[str, Any]:
    """Return the fields of a message, but for those that are empty by default."""
    values = vars(message)
    fields = {"content": values.get("content", "")}
    # Asked of the class: a message may have a field of a name that LangChain does not know.
    for name, default in _defaults_of(type(message)).items():
        value = values.get(name, default)
        if value is not default and (type(value) is not type(default) or value or default):
            fields[name] = value
    if "type" in fields and _is_of_class(message, fields["type"]):
        del fields["type"]
    unknown = getattr(message, "__pydantic_extra__", None)
    return {**fields, UNKNOWN: unknown} if unknown and isinstance(unknown, dict) else fields


def _is_of_class(message: BaseMessage, kind: object) -> bool:
    """Return whether the type of a message is the one that its class has."""
    return isinstance(kind, str) and kind == _defaults_of(type(message)).get("type")


@cache
def _defaults_of(cls: type[BaseMessage]) -> dict[str, Any]:
    """Return the fields that the messages of a class have beside their content, with their defaults."""
    fields = cls.model_fields.items()
    of_class = {
        name: field.get_default(call_default_factory=True) for name, field in fields if name not in _READ_ELSEWHERE
    }
    if cls in _CONSTRUCTORS:
        return of_class
    # A message of a subclass is read as one of LangChain's own class, which has other defaults.
    return {name: default if not default or name == "type" else _NO_DEFAULT for name, default in of_class.items()}


def is_shared_kwarg(name: str, fields: Mapping[str, Any]) -> bool:
    """Return whether an additional keyword argument has the type of the field that OpenAI's shape has for it."""
    return isinstance(fields.get(name), str if name == "refusal" else dict)


def is_valid(name: str, value: Any) -> bool:
    """Return whether a field of a message may hold a value, as far as readers rely on it."""
    check = _CHECKS.get(name)
    return check is None or check(value)


def shown(name: str, value: Any) -> Any:
    """Return what other readers are shown of a field that holds what it may not."""
    if name == "content":
        return _shown_content(value)
    if name in {"tool_calls", "invalid_tool_calls"}:
        calls = value if isinstance(value, list) else []
        calls = [{"id": None, "error": None, **call} for call in calls if isinstance(call, dict)]
        return [call for call in calls if is_valid(name, [call])]
    if name in {"name", "tool_call_id", "role"}:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return str(value) if is_number else None if name == "name" else ""
    return {} if name == "additional_kwargs" else None


def construct(cls: type[BaseMessage], values: dict[str, Any], unknown: dict[str, Any]) -> BaseMessage:
    """Return a message, constructed without validation.

    Args:
        cls: Its class.
        values: Its fields. Those that this version of LangChain does not know go where it keeps unknown ones.
        unknown: Fields that LangChain does not know.
    """
    defaults, make = _CONSTRUCTORS[cls]
    if not values.keys() <= defaults.keys():
        unknown = {**unknown, **{name: value for name, value in values.items() if name not in defaults}}
        values = {name: value for name, value in values.items() if name in defaults}
    return make(values, unknown)


def construct_ordinary(cls: type[BaseMessage], values: dict[str, Any]) -> BaseMessage:
    """Return a message, as `construct` does, of fields that every version of LangChain knows."""
    return _CONSTRUCTORS[cls][1](values, {})


def check_fields(values: Mapping[str, Any]) -> None:
    """Raise `UnreadableRecordError` unless the fields of a message that a record holds are valid."""
    for name, value in values.items():
        check = _CHECKS.get(name)
        if check is not None and not check(value):
            raise UnreadableRecordError(f"{name} of a message must not be {brief(value)}")


def replace_document(value: Any) -> Replacement | None:
    """Return what is written instead of a `Document`, and ``None`` for other objects."""
    dumped = dump_object(value) if type(value) is Document else None
    return None if dumped is None else Replacement(dumped.value, DOCUMENT)


def to_document(fields: object) -> Document:
    """Return the document that was written as ``fields``.

    Raises:
        UnreadableRecordError: They make no document.
    """
    values = expect(fields, dict, "document")
    try:
        return Document(**values)
    except (ValidationError, TypeError) as error:
        raise UnreadableRecordError(f"fields make no document ({error})") from error


def _shown_content(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, dict):
        return [value]
    if isinstance(value, list):
        return [item if isinstance(item, (str, dict)) else json.dumps(item, ensure_ascii=False) for item in value]
    return json.dumps(value)


def _is_content(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(item, (str, dict)) for item in value))


def _is_usage(value: Any) -> bool:
    return value is None or (
        isinstance(value, dict)
        and type(value.get("input_tokens")) is int
        and type(value.get("output_tokens")) is int
        and type(value.get("total_tokens")) is int
    )


def _is(*types: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, types)


def _are(kinds: Mapping[str, tuple[type, ...]]) -> Callable[[Any], bool]:
    """Return a check of lists of dicts that have these fields."""

    def check(value: Any) -> bool:
        return isinstance(value, list) and all(
            isinstance(item, dict)
            and all(name in item and isinstance(item[name], types) for name, types in kinds.items())
            for item in value
        )

    return check


_CHECKS: dict[str, Callable[[Any], bool]] = {
    "content": _is_content,
    "id": _is(*_TEXT),
    "name": _is(*_TEXT),
    "role": _is(str),
    "tool_call_id": _is(str),
    "type": lambda _: False,  # is read only if it is other than the class's
    "status": lambda value: value in ("success", "error"),
    "additional_kwargs": _is(dict),
    "response_metadata": _is(dict),
    "usage_metadata": _is_usage,
    "tool_calls": _are(_CALL),
    "invalid_tool_calls": _are(_INVALID_CALL),
}
_CONSTRUCTORS: dict[type[BaseMessage], tuple[dict[str, Any], Callable[..., BaseMessage]]] = {
    type(message): (vars(message), unvalidated_constructor(message))
    for message in (
        HumanMessage(""),
        AIMessage(""),
        SystemMessage(""),
        ToolMessage("", tool_call_id=""),
        FunctionMessage(content="", name=""),
        ChatMessage(content="", role=""),
    )
}
