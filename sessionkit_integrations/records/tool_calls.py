"""Tool calls in OpenAI's shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessionkit_integrations.records.fields import written_by_framework
from sessionkit_integrations.records.unreadable import UnreadableRecordError, expect, expect_optional

if TYPE_CHECKING:
    from sessionkit_integrations.records.fields import Fields

CallName = tuple[str, str]
"""The id of a tool call and the name of its tool, each empty where there is none."""


def function_call(call_id: str | None, name: str, arguments: str) -> dict[str, Any]:
    """Return the call of a function."""
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def are_function_calls(value: object) -> bool:
    """Return whether a value is a list of calls of functions, as OpenAI's API gives them; each may say more."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(
            isinstance(call, dict)
            and isinstance(call.get("id"), str)
            and call.get("type") == "function"
            and isinstance(call.get("function"), dict)
            and call["function"].keys() == {"name", "arguments"}
            and all(isinstance(text, str) for text in call["function"].values())
            for call in value
        )
    )


def texts_of(call: object) -> tuple[str | None, str, str]:
    """Return the id of a call, the name of its tool, and its arguments or, of a custom tool, its input.

    Raises:
        UnreadableRecordError: It is not a tool call.
    """
    fields = expect(call, dict, "tool call")
    kind, text = ("function", "arguments") if "function" in fields else ("custom", "input")
    tool = expect(fields.get(kind), dict, f"{kind} of a tool call")
    return (
        expect_optional(fields.get("id"), str, "id of a tool call"),
        expect(tool.get("name"), str, "name of a tool"),
        expect(tool.get(text), str, f"{text} of a tool call"),
    )


def names_of_calls(fields: Fields) -> tuple[CallName, ...] | None:
    """Return the ids and the tools of a record's calls, of invalid ones as well.

    Returns:
        ``None`` if the record calls in a way that cannot be read here: by something that is no tool call, or as
        OpenAI's earlier API had it.
    """
    calls: Any = fields.get("tool_calls") or []
    invalid: Any = []
    places: list[Any] = [fields]
    for own in written_by_framework(fields):
        invalid = own.get("invalid_tool_calls") or invalid
        places.append(own.get("additional_kwargs"))
    if not calls and any(
        isinstance(place, dict) and (place.get("function_call") or place.get("tool_calls")) for place in places
    ):
        return None
    try:
        names: list[tuple[Any, Any]] = [texts_of(call)[:2] for call in expect(calls, list, "tool calls")]
        names += [_name_of_invalid(call) for call in expect(invalid, list, "invalid tool calls")]
    except UnreadableRecordError:
        return None
    return tuple((text_or_empty(call_id), text_or_empty(name)) for call_id, name in names)


def text_or_empty(value: object) -> str:
    """Return a text of a record, or an empty one instead of anything else."""
    return value if isinstance(value, str) else ""


def _name_of_invalid(call: object) -> tuple[Any, Any]:
    fields = expect(call, dict, "invalid tool call")
    return fields.get("id"), fields.get("name")
