"""The size and the depth of a message, measured before anything is made of it.

A few kilobytes of Python objects can stand for terabytes of JSON: lists that hold the same list many times, which holds
another one many times, or that hold themselves. Converting such a message would not come to an end. So a walk measures
each object once, however often it is held.
"""

from __future__ import annotations

from collections import deque
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.errors import InvalidMessageError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

MAX_MESSAGE_BYTES = 8 * 1024 * 1024
"""Bytes that a record may have by default: as much as fits a request to Upstash, of 10 MB, in most cases."""

MAX_LEVELS = 128
"""Levels that a message may be nested. Python's own limit depends on its caller; some readers of JSON stop at 200."""

MAX_REPEATS = 8
"""Times that an object may hold what its record holds once, as messages of the frameworks do with tool calls."""

_MOST_SHARED = 4
"""Times that a dump may be larger than the object."""
_SMALL = 64 * 1024
"""Bytes that a dump may have, however large the object is."""
_NO_OBJECT: Any = object()


def check_bounds(message: Mapping[str, Any], max_bytes: int) -> None:
    """Raise `InvalidMessageError` if a message is nested too deeply, or too large by far for a record of ``max_bytes``.

    Args:
        message: The message.
        max_bytes: Bytes that its record may have; that is checked exactly when it is there.
    """
    size = 0
    measure = None
    for name, value in message.items():
        if value is None or isinstance(value, str):  # as most are
            size += len(value or "")
            continue
        measure = measure or _Measure()
        try:
            size += measure.of(value, 1)[0]
        except _TooDeepError:
            raise InvalidMessageError(str(name), f"is nested more than {MAX_LEVELS} levels deep") from None
    if size > max_bytes * MAX_REPEATS:
        raise too_large(size, max_bytes)


def dumps_larger(value: object) -> bool:
    """Return whether a dump would be many times as large as the object, as it holds others again and again."""
    measure = _Measure()
    try:
        size, _ = measure.of(value, 1)
    except _TooDeepError:
        return True
    return size > max(_SMALL, _MOST_SHARED * measure.total)


def fields_of(value: object) -> dict[str, Any]:
    """Return the fields of an object of pydantic that it dumps, and nothing of any other object."""
    extra = getattr(value, "__pydantic_extra__", _NO_OBJECT)
    if extra is _NO_OBJECT or isinstance(value, type):
        return {}
    known = getattr(type(value), "model_fields", {})
    values = {name: item for name, item in vars(value).items() if not getattr(known.get(name), "exclude", None)}
    return values | extra if extra else values


def checked_max_bytes(value: int) -> int:
    """Return a limit on the size of a record, in bytes.

    Raises:
        TypeError, ValueError: It is not an integer of at least 1.
    """
    if type(value) is not int:
        raise TypeError(f"max_message_bytes must be an integer, got {type(value).__name__}")
    if value < 1:
        raise ValueError(f"max_message_bytes must be at least 1, got {value}")
    return value


def too_large(size: int, max_bytes: int) -> InvalidMessageError:
    """Return the error for a message whose record would be too large."""
    return InvalidMessageError(
        "message",
        f"takes {size:,} bytes or more, and max_message_bytes is {max_bytes:,}: store large media elsewhere and send"
        " their URL, or give SessionManager a higher limit",
    )


class _TooDeepError(Exception):
    pass


class _Measure:
    """The least sizes of values as JSON.

    Attributes:
        total: The size of all that was measured, each object counted once.
    """

    def __init__(self) -> None:
        self.total = 0
        self._known: dict[int, tuple[int, int, object]] = {}

    def of(self, value: Any, level: int) -> tuple[int, int]:
        """Return the bytes that a value takes at least, and the levels of containers in it."""
        if value is None or isinstance(value, (str, bytes, int, float)):
            size = len(value) if isinstance(value, (str, bytes)) else 1
            self.total += size
            return size, 0
        known = self._known.get(id(value))
        if known is None:
            if level > MAX_LEVELS:
                raise _TooDeepError
            size, levels = 2, 0
            parts = _parts_of(value)
            self.total += 2 + len(parts)
            for part in parts:
                part_size, part_levels = self.of(part, level + 1)
                size += part_size + 1
                levels = max(levels, part_levels)
            known = self._known[id(value)] = size, levels + 1, value
        if level + known[1] - 1 > MAX_LEVELS:
            raise _TooDeepError
        return known[0], known[1]


def _parts_of(value: Any) -> Collection[Any]:
    if isinstance(value, dict):
        return [*value, *value.values()]
    if isinstance(value, (list, tuple, set, frozenset, deque)):
        return value
    if is_dataclass(value) and not isinstance(value, type):
        return [getattr(value, field.name, None) for field in fields(value)]
    return fields_of(value).values()
