"""Tool calls in OpenAI's shape."""

from __future__ import annotations

from typing import Any

from sessionkit_integrations.records.unreadable import expect, expect_optional


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
