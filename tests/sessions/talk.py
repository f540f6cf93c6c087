"""Short conversations of numbered turns, as plain messages."""

from __future__ import annotations

from typing import Any

SYSTEM: Any = {"role": "system", "content": "Be brief."}


def user(text: str) -> Any:
    """Return a user message."""
    return {"role": "user", "content": text}


def says(text: str) -> Any:
    """Return an assistant message."""
    return {"role": "assistant", "content": text}


def turns(first: int, last: int) -> list[Any]:
    """Return the messages of some turns, U1 and A1 and so on."""
    return [message for number in range(first, last + 1) for message in (user(f"U{number}"), says(f"A{number}"))]
