"""Messages as the providers' rules can take them, whoever wrote them.

Sessions hold records of other writers, who check nothing. The rules of the providers look into tool calls, parts and
names, so they are made sure of here, once. Anything that no prompt can hold leaves a note in the message's content.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeGuard

from sessionkit_integrations.errors import InvalidMessageError
from sessionkit_integrations.records.media import Part, text_part
from sessionkit_integrations.records.messages import DEVELOPER, ROLES
from sessionkit_integrations.records.tool_calls import texts_of
from sessionkit_integrations.records.unreadable import UnreadableRecordError, brief

if TYPE_CHECKING:
    from sessionkit_integrations.records.fields import Fields

_TEXTS = ("name", "tool_call_id", "refusal", "reasoning_content")
"""Fields that are texts."""


def normalize(message: object) -> Fields:
    """Return a message in which the fields that rules look into have the types that they expect.

    Raises:
        InvalidMessageError: It is not a message: not a dict, or without a role.
    """
    if not isinstance(message, Mapping):
        raise InvalidMessageError("message", f"must be a dict, got {type(message).__name__}")
    role = message.get("role")
    role = "system" if role == DEVELOPER else role
    if not isinstance(role, str) or role not in ROLES:
        raise InvalidMessageError("role", f"must be one of {', '.join(sorted(ROLES))}, got {brief(role)}")
    fields: Fields = {**message, "role": role}
    for name in _TEXTS:
        if not isinstance(fields.get(name, ""), str):
            del fields[name]
    fields["content"], notes = _content(fields.get("content")), list[Part]()
    calls = fields.pop("tool_calls", None)
    if calls and role == "assistant":
        fields["tool_calls"], notes = _calls(calls)
    if not isinstance(fields.get("extra_content", {}), dict):
        del fields["extra_content"]
    details = fields.get("reasoning_details", [])
    fields["reasoning_details"] = [each for each in details if isinstance(each, dict)] if _is_list(details) else []
    if notes:
        content = fields["content"]
        fields["content"] = [*([text_part(content)] if isinstance(content, str) else content or ()), *notes]
    return {name: value for name, value in fields.items() if value != [] or name == "content"}


def _content(content: object) -> str | list[Part] | None:
    if content is None or isinstance(content, str):
        return content
    if not _is_list(content):
        return [_note("content", content)]
    return [_part(part) for part in content]


def _part(part: object) -> Part:
    if isinstance(part, str):
        return text_part(part)
    if isinstance(part, dict) and isinstance(part.get("type", ""), str):
        return part if "type" in part else {"type": "unknown", **part}
    return _note("a part of the content", part)


def _calls(calls: Any) -> tuple[list[Fields], list[Part]]:
    """Return the calls that can be read, each with an id, and a note for each other one."""
    readable: list[Fields] = []
    notes: list[Part] = []
    for call in calls if isinstance(calls, list) else [calls]:
        try:
            call_id, _, _ = texts_of(call)
        except UnreadableRecordError:
            notes.append(_note("a tool call", call))
        else:
            fields = {**call, "id": call_id or ""}
            kind = "function" if "function" in fields else "custom"
            if not isinstance(fields.get("extra_content", {}), dict):
                del fields["extra_content"]
            readable.append({**fields, "type": kind})
    return readable, notes


def _note(what: str, value: object) -> Part:
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        text = brief(value)
    return text_part(f"[{what} that cannot be read: {text}]")


def _is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)
