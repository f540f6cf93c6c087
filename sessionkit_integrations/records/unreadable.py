"""Checked access to the fields of a record, which anybody may have written.

Readers take what a record holds through these functions. So a record that makes no message raises one error, and a
fault of our own code, such as a `TypeError`, is never taken for a corrupt record.
"""

from __future__ import annotations

from typing import Any, TypeVar

T = TypeVar("T")

_LONGEST = 80
"""Characters of a wrong value that an error shows."""
_NAMES = {str: "a string", dict: "an object", list: "a list", int: "an integer"}


class UnreadableRecordError(ValueError):
    """A record holds something that makes no message; `decode_all` adds the session and the position."""


def expect(value: object, kind: type[T], place: str) -> T:
    """Return a value of a record if it is of the kind that belongs in its place.

    Args:
        value: The value.
        kind: A type that JSON has.
        place: The name of the place, for the error.

    Raises:
        UnreadableRecordError: It is of another kind.
    """
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise UnreadableRecordError(f"{place} must be {_NAMES[kind]}, got {brief(value)}")
    return value


def expect_optional(value: object, kind: type[T], place: str) -> T | None:
    """Return a value of a record if it is ``None`` or of a kind; see `expect`."""
    return None if value is None else expect(value, kind, place)


def expect_item(values: list[Any], index: object, place: str) -> Any:
    """Return the item of a list at an index that a record holds.

    Raises:
        UnreadableRecordError: There is none.
    """
    position = expect(index, int, f"index in {place}")
    if not 0 <= position < len(values):
        raise UnreadableRecordError(f"{place} has no item {position}")
    return values[position]


def brief(value: object) -> str:
    """Return a value for an error, cut to a length that is read."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - Python shows no integer of many digits, and other classes may raise anything
        return f"a {type(value).__name__}"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
