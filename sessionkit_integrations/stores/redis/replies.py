"""Replies of servers, checked: whatever is not as Redis gives it is an error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessionkit_integrations.records.record import Record
from sessionkit_integrations.stores.values import Snapshot

if TYPE_CHECKING:
    from collections.abc import Sequence

RECORD_SEPARATOR = b"\x1e"
"""The byte before each record of a text: RFC 7464 has it, as no JSON text can hold it."""

_BYTES = frozenset({bytes})


class UnexpectedReplyError(ValueError):
    """A server's answer has not the shape that Redis gives it."""


def snapshot(reply: object) -> Snapshot:
    """Return the records of a list of texts.

    Raises:
        UnexpectedReplyError: It is something else.
    """
    records = items(reply)
    if not _BYTES.issuperset(map(type, records)):  # as of a server whose answers are JSON
        records = [Record(text(item)) for item in records]
    return Snapshot(tuple(records))


def outcome(reply: object) -> tuple[int, Snapshot]:
    """Return a number and the records behind it, given a text; see ``append.lua`` for its shape.

    Raises:
        UnexpectedReplyError: It is something else.
    """
    head, *records = text(reply).split(RECORD_SEPARATOR)
    try:
        return int(head), Snapshot(tuple(map(Record, records)))
    except ValueError as error:
        raise UnexpectedReplyError("a number was expected") from error


def number(reply: object) -> int:
    """Return an integer.

    Raises:
        UnexpectedReplyError: It is something else.
    """
    if type(reply) is not int:
        raise UnexpectedReplyError(f"a number was expected, got {type(reply).__name__}")
    return reply


def items(reply: object, length: int | None = None) -> Sequence[Any]:
    """Return a list, of a certain length if one is given.

    Raises:
        UnexpectedReplyError: It is something else.
    """
    if not isinstance(reply, (list, tuple)):
        raise UnexpectedReplyError(f"a list was expected, got {type(reply).__name__}")
    if length is not None and len(reply) != length:
        raise UnexpectedReplyError(f"a list of {length} was expected, got one of {len(reply)}")
    return reply


def text(item: object) -> bytes:
    """Return a text as bytes.

    Raises:
        UnexpectedReplyError: It is something else.
    """
    if isinstance(item, str):
        return item.encode(errors="surrogateescape")
    if not isinstance(item, bytes):
        raise UnexpectedReplyError(f"a text was expected, got {type(item).__name__}")
    return item
