"""Ordinary messages: texts, plain calls of tools and their results, as most messages are.

They are known by a look at their fields. Nothing in them can be refused, so that they need none of the checks, walks
and measures that other messages do. What becomes of an ordinary message is the same either way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessionkit_integrations.records.messages import ROLES
from sessionkit_integrations.records.record import ROLE_AND_CONTENT
from sessionkit_integrations.records.sizes import MAX_LEVELS
from sessionkit_integrations.records.stand_ins import is_json, is_utf8

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_STR = frozenset({str})
_NAMES = frozenset({"role", "content", "tool_calls", "tool_call_id", "name"})
_CALL = frozenset({"id", "type", "function"})
_FUNCTION = frozenset({"name", "arguments"})


def is_ordinary(message: object, max_bytes: int) -> bool:
    """Return whether a plain message is an ordinary one, which can be stored as it is.

    Args:
        message: The message.
        max_bytes: Bytes that its record may have. An ordinary message has no more characters.
    """
    if type(message) is not dict:
        return False
    role, content = message.get("role"), message.get("content")
    if type(role) is not str or role not in ROLES:
        return False
    if len(message) == ROLE_AND_CONTENT:
        return is_text(content, max_bytes)
    calls = message.get("tool_calls", [])
    if not message.keys() <= _NAMES or type(calls) is not list or not all(map(_is_plain, calls)):
        return False
    texts = [message[name] for name in ("tool_call_id", "name") if name in message]
    texts += [text for call in calls for text in (call["id"], *call["function"].values())]
    if content is not None or not calls or role != "assistant":
        texts.append(content)
    return are_texts(texts, max_bytes)


def is_text(value: object, max_bytes: int) -> bool:
    """Return whether a value is a text that JSON can hold and a record of ``max_bytes`` has room for."""
    return type(value) is str and len(value) <= max_bytes and _is_utf8(value)


def are_texts(values: Collection[Any], max_bytes: int) -> bool:
    """Return whether values are texts that JSON can hold and a record of ``max_bytes`` has room for together."""
    return _STR.issuperset(map(type, values)) and sum(map(len, values)) <= max_bytes and _is_utf8("".join(values))


def is_plain_json(value: dict[str, Any], max_bytes: int) -> bool:
    """Return whether a value is JSON as it is, and a record of ``max_bytes`` has room for it.

    A value that holds many others needs a closer look, even if it is JSON: this one ends after as many dicts and lists
    as a message may have levels, also where they hold each other.
    """
    containers: list[Any] = [value]
    texts: list[Any] = []
    room = max_bytes
    for held in containers:
        items: Iterable[Any] = held
        if type(held) is dict:
            texts += held
            items = held.values()
        for item in items:
            cls = type(item)
            if cls is str:
                texts.append(item)
            elif cls is dict or cls is list:
                containers.append(item)
            elif item is not None and not is_json(item):
                return False
        room -= len(held)
        if len(containers) > MAX_LEVELS:
            return False
    return are_texts(texts, room)


def _is_utf8(text: str) -> bool:
    return text.isascii() or is_utf8(text)


def _is_plain(call: object) -> bool:
    """Return whether a tool call calls a function and has no other fields; its texts are not checked."""
    return (
        type(call) is dict
        and call.keys() == _CALL
        and type(call["type"]) is str
        and call["type"] == "function"
        and type(call["function"]) is dict
        and call["function"].keys() == _FUNCTION
    )
