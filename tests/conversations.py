"""The 50 real conversations, where this checkout has them beside it, and a few of the tests' own."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from sessionkit_integrations.window.turns import Window, evict, number_turns

DATA = Path(__file__).parents[2] / "shared" / "data" / "airline_conversations.jsonl"

Conversation = list[dict[str, Any]]


@cache
def real_conversations() -> tuple[Conversation, ...]:
    """Return the conversations; skip the test where they are not there."""
    if not DATA.exists():
        pytest.skip("../shared/data/airline_conversations.jsonl is not beside this checkout")
    with DATA.open(encoding="utf-8") as lines:
        return tuple(json.loads(line)["messages"] for line in lines)


def conversations() -> tuple[Conversation, ...]:
    """Return the real conversations, or where they are not there, some made up in their likeness."""
    return real_conversations() if DATA.exists() else tuple(made_up(number) for number in range(20))


def made_up(number: int) -> Conversation:
    """Return a conversation of some turns, the first of which calls a tool."""
    arguments = json.dumps({"reservation_id": f"R{number:05}", "details": True})
    call = {"id": f"call_{number:024}", "type": "function", "function": {"name": "get_booking", "arguments": arguments}}
    talk = [
        {"role": role, "content": text * (1 + (number + turn) % 4)}
        for turn in range(12)
        for role, text in (
            ("user", "My flight tomorrow has to move by a day; is that possible without a fee? "),
            ("assistant", "It is: your fare allows one change for free, until two hours before departure.\n"),
        )
    ]
    return [
        {"role": "system", "content": "You are the agent of an airline. Be brief, and book nothing unasked."},
        {"role": "user", "content": f"Hello, what do you know of my booking R{number:05}?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": '{"status": "confirmed"}', "name": "get_booking", "tool_call_id": call["id"]},
        {"role": "assistant", "content": "It is confirmed. What would you like to change?"},
        *talk,
    ]


def is_plain_text(message: dict[str, Any]) -> bool:
    """Return whether a message is nothing but a text of the user or the assistant."""
    return message["role"] in {"user", "assistant"} and isinstance(message["content"], str) and len(message) == 2


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
