"""The 50 real conversations, where this checkout has them beside it, and a few of the tests' own."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from sessionkit_integrations.window import Window, evict, number_turns

DATA = Path(__file__).parents[2] / "shared" / "data" / "airline_conversations.jsonl"

Conversation = list[dict[str, Any]]


@cache
def real_conversations() -> tuple[Conversation, ...]:
    """Return the conversations; skip the test where they are not there."""
    if not DATA.exists():
        pytest.skip("../shared/data/airline_conversations.jsonl is not beside this checkout")
    with DATA.open(encoding="utf-8") as lines:
        return tuple(json.loads(line)["messages"] for line in lines)


def role_of(message: dict[str, Any]) -> str:
    role: str = message["role"]
    return role


def in_window(messages: Conversation, turns: int) -> Conversation:
    """Return what the oracle keeps."""
    return evict(messages, Window(turns), role_of)[0]


def flaw(messages: Conversation) -> str | None:
    """Return what a chat API would refuse a prompt for, if anything."""
    after_preamble = messages[number_turns(map(role_of, messages)).count(0) :]
    if not after_preamble or after_preamble[0]["role"] != "user":
        return "does not open with a user message"
    open_calls: set[str] = set()
    for message in after_preamble:
        if message["role"] == "tool":
            if message["tool_call_id"] not in open_calls:
                return "has a tool result whose call is gone"
            open_calls.discard(message["tool_call_id"])
        elif open_calls:
            return "leaves a tool call without its result"
        open_calls |= {call["id"] for call in message.get("tool_calls") or ()}
    return "leaves a tool call without its result" if open_calls else None
