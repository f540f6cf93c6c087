"""How large and how deep a message is, looked at before anything is made of it.

A few kilobytes of Python objects can stand for terabytes of JSON: lists that hold the same list many times, which holds
another one many times, or that hold themselves. What converts such a message would not come to an end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.errors import InvalidMessageError

if TYPE_CHECKING:
    from collections.abc import Collection

MAX_MESSAGE_BYTES = 8 * 1024 * 1024
"""How large a record may be where nothing else is said: what fits a request to Upstash, of 10 MB, in most cases."""

MAX_LEVELS = 128
"""How deep a message may be. Python's own limit depends on how deep its caller is; some readers of JSON stop at 200."""

MAX_REPEATS = 8
"""How often an object may hold what its record holds once, as messages of the frameworks do with tool calls."""

_NO_OBJECT: Any = object()
_Extent = tuple[int, int]
"""How many bytes of JSON a value takes at least, and how many levels it has."""


def check_extent(message: object, max_bytes: int) -> None:
    """Raise `InvalidMessageError` if a message is nested too deeply, or too large by far for a record of ``max_bytes``.

    Args:
        message: A dict, or an object of pydantic.
        max_bytes: How large its record may be; that is checked exactly when it is there.
    """
    size = 0
    known: dict[int, _Extent] = {}
    fields = message if isinstance(message, Mapping) else _fields_of(message)
    for name, value in fields.items():
        if value is None or isinstance(value, str):  # as most are
            size += len(value or "")
            continue
        try:
            size += _measure(value, 1, known)[0]
        except _TooDeepError:
            raise InvalidMessageError(str(name), f"is nested more than {MAX_LEVELS} levels deep") from None
    if size > max_bytes * MAX_REPEATS:
        raise too_large(size, max_bytes)


def checked_max_bytes(value: int) -> int:
    """Return a limit on the size of a record, in bytes.

    Raises:
        TypeError, ValueError: It is not an integer of at least 1.
    """
    if type(value) is not int:
        raise TypeError(f"max_message_bytes is an integer, not {type(value).__name__}")
    if value < 1:
        raise ValueError(f"max_message_bytes is at least 1, not {value}")
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


def _measure(value: Any, level: int, known: dict[int, _Extent]) -> _Extent:
    if isinstance(value, (str, bytes)):
        return len(value), 0
    if value is None or isinstance(value, (int, float)):
        return 1, 0
    extent = known.get(id(value))
    if extent is None:
        if level > MAX_LEVELS:
            raise _TooDeepError
        size, levels = 2, 0
        for part in _parts_of(value):
            part_size, part_levels = _measure(part, level + 1, known)
            size += part_size + 1
            levels = max(levels, part_levels)
        extent = known[id(value)] = size, levels + 1
    if level + extent[1] - 1 > MAX_LEVELS:
        raise _TooDeepError
    return extent


def _parts_of(value: Any) -> Collection[Any]:
    if isinstance(value, dict):
        return [*value, *value.values()]
    return value if isinstance(value, (list, tuple)) else _fields_of(value).values()


def _fields_of(value: object) -> dict[str, Any]:
    """Return what an object of pydantic holds, and nothing of any other object."""
    extra = getattr(value, "__pydantic_extra__", _NO_OBJECT)
    if extra is _NO_OBJECT or isinstance(value, type):
        return {}
    return vars(value) | extra if extra else vars(value)
