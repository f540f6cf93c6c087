"""Conversations as OpenAI's fine-tuning takes them: JSON Lines of ``{"messages": […]}``."""

from __future__ import annotations

import hashlib
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.porting.stored import StoredSession, at_time, dump
from sessionkit_integrations.providers import to_openai
from sessionkit_integrations.records.codec import PlainCodec, decode_all, encode_all

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sessionkit_integrations.records.messages import Message

PREFIX = "import-"
"""How the ids of imported conversations begin, which have none of their own."""

_DIGITS = 16


def is_example(line: Mapping[str, Any]) -> bool:
    """Return whether a line is that of a conversation."""
    return "messages" in line


def to_example(session: StoredSession) -> dict[str, Any] | None:
    """Return a session, with its archive, as an example to learn from; ``None`` if no assistant speaks in it.

    What follows the last word of the assistant is left out: from that, nothing is to be learned.

    Raises:
        CorruptSessionError: A record cannot be read.
    """
    archived = decode_all(PlainCodec(), session.archived, session.id)
    active = decode_all(PlainCodec(), session.active, session.id)
    preamble = list(takewhile(lambda message: message["role"] == "system", active))
    whole: list[Message] = [*preamble, *archived, *active[len(preamble) :]]
    if not any(message["role"] == "assistant" for message in whole):
        return None
    messages = to_openai(whole)["messages"]
    while messages[-1]["role"] != "assistant":
        messages.pop()
    return {"messages": messages}


def from_example(line: Mapping[str, Any], prefix: str = PREFIX) -> StoredSession:
    """Return the session that an example makes, with an id that says what it holds: the same example, the same id.

    Its records have no time, as nobody knows when it was said. A developer is a system message; what an example has
    beside its messages, such as tools, is not a session's.

    Args:
        line: The example.
        prefix: How the id begins.

    Raises:
        InvalidMessageError: One of its messages cannot be stored.
        ValueError: It has none.
    """
    messages = line["messages"]
    if not isinstance(messages, list) or not messages:
        raise ValueError("messages is no list of at least one message")
    if not all(isinstance(message, dict) for message in messages):
        raise ValueError("messages holds something else than JSON objects")
    digest = hashlib.sha256(dump(messages)).hexdigest()[:_DIGITS]
    records = encode_all(PlainCodec(), [_as_ours(message) for message in messages])
    return StoredSession(f"{prefix}{digest}", tuple(at_time(record, None) for record in records))


def _as_ours(message: Mapping[str, Any]) -> Any:
    return {**message, "role": "system"} if message.get("role") == "developer" else message
