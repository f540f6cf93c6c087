"""A summarizer whose texts name the messages that it was given, and sessions of numbered turns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sessionkit_integrations.records.messages import Message


def turn(number: int) -> list[Any]:
    """Return the messages of a turn."""
    return [{"role": "user", "content": f"q{number}"}, {"role": "assistant", "content": f"a{number}"}]


def said(*numbers: int) -> str:
    """Return what the summarizer returns for some turns."""
    return " ".join(f"q{number} a{number}" for number in numbers)


def contents(messages: Iterable[Any]) -> list[Any]:
    """Return what messages say."""
    return [message["content"] for message in messages]


class Scripted:
    """A summarizer that returns the contents of all messages that were ever summarised.

    Attributes:
        given: What it was given, each time.
    """

    def __init__(self) -> None:
        self.given: list[tuple[str | None, list[Any]]] = []

    def __call__(self, previous: str | None, messages: list[Message]) -> str:
        self.given.append((previous, contents(messages)))
        return " ".join([*([previous] if previous else []), *contents(messages)])
