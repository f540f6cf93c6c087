"""Conversations as OpenAI's fine-tuning takes them: JSON Lines of ``{"messages": […]}``."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.porting.stored import StoredSession, at_time, dump
from sessionkit_integrations.providers import to_openai
from sessionkit_integrations.records.codec import PLAIN, encode_all

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sessionkit_integrations.records.messages import Message

PREFIX = "import-"
"""Beginning of the ids of imported conversations, which have none of their own."""

_DIGITS = 16


def is_example(line: Mapping[str, Any]) -> bool:
    """Return whether a line holds a conversation."""
    return "messages" in line


def to_example(messages: Sequence[Message]) -> dict[str, Any] | None:
    """Return a session, with its archive, as an example to learn from; ``None`` if no assistant speaks in it.

    Messages after the assistant's last one are left out, as nothing is to be learned from them.
    """
    if not any(message["role"] == "assistant" for message in messages):
        return None
    example = to_openai(messages)["messages"]
    while example[-1]["role"] != "assistant":
        example.pop()
    return {"messages": example}


def from_example(line: Mapping[str, Any], prefix: str = PREFIX) -> StoredSession:
    """Return the session that an example makes, with an id that says what it holds: the same example, the same id.

    Its records have no time, as nobody knows when it was said. A developer is a system message; the other fields of an
    example, such as tools, are not a session's.

    Args:
        line: The example.
        prefix: Beginning of the id.

    Raises:
        InvalidMessageError: One of its messages cannot be stored.
        ValueError: It has none.
    """
    messages = line["messages"]
    if not isinstance(messages, list) or not messages:
        raise ValueError("messages must be a list of at least one message")
    if not all(isinstance(message, dict) for message in messages):
        raise ValueError("messages must hold JSON objects only")
    digest = hashlib.sha256(dump(messages)).hexdigest()[:_DIGITS]
    records = encode_all(PLAIN, messages)
    return StoredSession(f"{prefix}{digest}", tuple(at_time(record, None) for record in records))
