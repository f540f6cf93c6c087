"""Kinds of items of OpenAI's Responses API: who says them, and which of them one message of a session holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessionkit_integrations.records.messages import DEVELOPER, ROLES

if TYPE_CHECKING:
    from collections.abc import Iterable

Item = dict[str, Any]
"""An item of the Responses API, as JSON."""

MESSAGE, REASONING = "message", "reasoning"
FUNCTION_CALL, CUSTOM_CALL = "function_call", "custom_tool_call"
FUNCTION_OUTPUT, CUSTOM_OUTPUT, COMPUTER_OUTPUT = (
    "function_call_output",
    "custom_tool_call_output",
    "computer_call_output",
)
APPROVAL_REQUEST, APPROVAL_RESPONSE = "mcp_approval_request", "mcp_approval_response"
IMAGE = "image_generation_call"

NO_ID = "__fake_id__"
"""The id that the SDK gives to items which no API has given one, and takes away before it sends them."""

OUTPUTS = frozenset(
    {
        *(FUNCTION_OUTPUT, CUSTOM_OUTPUT, COMPUTER_OUTPUT, APPROVAL_RESPONSE),
        *("apply_patch_call_output", "local_shell_call_output", "shell_call_output", "tool_search_output"),
    }
)
"""Types of items with which a caller answers what a model asked for."""


def kind_of(item: Item) -> str:
    """Return the type of an item; messages need not name theirs."""
    kind = item.get("type")
    if kind is None and "content" in item and isinstance(item.get("role"), str):
        return MESSAGE
    return kind if isinstance(kind, str) else "item"


def role_of(item: Item) -> str:
    """Return the role of the message in which a session holds an item."""
    kind, role = kind_of(item), item.get("role")
    if kind in OUTPUTS:
        return "tool"
    if isinstance(role, str) and role in ROLES - {"tool"}:
        return role
    if role == DEVELOPER:
        return "system"
    return "user" if kind == MESSAGE else "assistant"


def group(items: Iterable[Item]) -> list[list[Item]]:
    """Return items by the messages that hold them.

    A model's response is one message in other APIs: what it thought, what it says, and all that it calls. So items of
    the assistant that follow each other are one message, with at most one text. What a model thought before its text
    is in the message of that.
    """
    groups: list[list[Item]] = []
    last_role, has_text = "", False
    for item in items:
        role, is_text = role_of(item), kind_of(item) == MESSAGE
        if role != "assistant" or last_role != role:
            groups.append([item])
            has_text = is_text
        elif is_text and has_text:
            groups.append([*_take_last_thoughts(groups[-1]), item])
        else:
            groups[-1].append(item)
            has_text = has_text or is_text
        last_role = role
    return groups


def _take_last_thoughts(items: list[Item]) -> list[Item]:
    end = len(items)
    while kind_of(items[end - 1]) == REASONING:  # ends at the text
        end -= 1
    thoughts = items[end:]
    del items[end:]
    return thoughts
