"""Stand-ins for numbers, texts and bytes that JSON cannot hold, and back; see `values`."""

from __future__ import annotations

import math
from base64 import b64decode, b64encode
from numbers import Integral, Rational, Real
from typing import TYPE_CHECKING, Any, NamedTuple

from sessionkit_integrations.records.unreadable import UnreadableRecordError, expect, expect_item

if TYPE_CHECKING:
    from collections.abc import Callable, Container

BYTES, FLOAT, INTEGER, SURROGATES, KEY, LEFT_OUT = "bytes", "float", "integer", "surrogates", "key", "left_out"
"""Kinds of stand-ins."""

MAX_INTEGER_BITS = 1023
"""Bits of the largest integer that is written as a number. Readers to whom all numbers are floats have none beyond:
https://www.rfc-editor.org/rfc/rfc8259#section-6"""

_REPLACEMENT = "\ufffd"
"""The character that Unicode has for what cannot be read."""
_FIRST_SURROGATE, _LAST_SURROGATE = 0xD800, 0xDFFF
_ORDINARY = 2**63
_FLOATS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


class StandIn(NamedTuple):
    """A value as JSON.

    Attributes:
        value: The value itself, or what stands for it.
        kind: The kind of a stand-in, or ``None``.
        more: What else it takes to make the value again.
    """

    value: Any
    kind: str | None = None
    more: Any = None


def is_json(value: Any) -> bool:
    """Return whether a value is a text, a number or a constant of JSON; some that are, need a closer look."""
    cls = type(value)
    if cls is str:
        return bool(value.isascii())
    if cls is int:
        return bool(-_ORDINARY < value < _ORDINARY)
    if cls is float:
        return bool(value - value == 0)  # neither infinite nor NaN
    return value is None or cls is bool


def for_scalar(value: Any) -> StandIn | None:
    """Return a text, bytes, a number or a constant, of whatever class, as JSON; ``None`` for other values."""
    if value is None or isinstance(value, bool):
        return StandIn(value)
    if isinstance(value, str):
        return _for_text(value if type(value) is str else str.__str__(value))
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _for_bytes(value)
    number = _as_number(value)
    return None if number is None else _for_number(number)


def for_key(key: str, *taken: Container[Any]) -> StandIn:
    """Return a key of an object as JSON. UTF-8 has no lone surrogates, such as half of an emoji.

    Args:
        key: The key.
        taken: Keys that others of the object have, or have got.
    """
    if key.isascii() or is_utf8(key):
        return StandIn(key)
    shown = _without_surrogates(key)
    while any(shown in keys for keys in taken):
        shown += _REPLACEMENT
    return StandIn(shown, KEY, _for_bytes(key.encode(errors="surrogatepass")).value)


def to_bytes(value: object) -> bytes:
    """Return the bytes that a stand-in stands for.

    Raises:
        UnreadableRecordError: It does not stand for bytes.
    """
    try:
        return b64decode(expect(value, str, "bytes"), validate=True)
    except ValueError as error:
        raise UnreadableRecordError("bytes must be base64") from error


def to_key(more: object) -> str:
    """Return the key for which another stands.

    Args:
        more: What `for_key` returned beside the key.

    Raises:
        UnreadableRecordError: It does not stand for a key.
    """
    try:
        return to_bytes(more).decode(errors="surrogatepass")
    except UnicodeDecodeError as error:
        raise UnreadableRecordError("a key must be UTF-8") from error


def _to_float(value: object, _: object) -> float:
    if not isinstance(value, str) or value not in _FLOATS:
        raise UnreadableRecordError(f"a float must be one of {', '.join(_FLOATS)}")
    return _FLOATS[value]


def _to_integer(value: object, _: object) -> int:
    try:
        return int(expect(value, str, "integer"), 16)
    except ValueError as error:
        raise UnreadableRecordError("an integer must be hexadecimal") from error


def _to_text(value: object, lone: object) -> str:
    letters: list[str] = list(expect(value, str, "text"))
    for each in expect(lone, list, "surrogates of a text"):
        pair = expect(each, list, "surrogate of a text")
        expect_item(letters, pair[0] if pair else None, "text")
        code = expect(pair[-1], int, "surrogate of a text")
        if not _is_surrogate(code):
            raise UnreadableRecordError(f"{code} is not a surrogate")
        letters[pair[0]] = chr(code)
    return "".join(letters)


RESTORED: dict[str, Callable[[object, object], Any]] = {
    BYTES: lambda value, _: to_bytes(value),
    FLOAT: _to_float,
    INTEGER: _to_integer,
    SURROGATES: _to_text,
}
"""Functions that return the value for which one of a kind stands, given that and what else it takes."""


def _for_number(value: float) -> StandIn:
    if isinstance(value, int):
        # In hexadecimal digits, of which Python writes and reads any number.
        return StandIn(value) if value.bit_length() <= MAX_INTEGER_BITS else StandIn(hex(value), INTEGER)
    if math.isfinite(value):
        return StandIn(value)
    return StandIn("NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity", FLOAT)


def _for_text(text: str) -> StandIn:
    if text.isascii() or is_utf8(text):
        return StandIn(text)
    lone = [[index, ord(letter)] for index, letter in enumerate(text) if _is_surrogate(ord(letter))]
    return StandIn(_without_surrogates(text), SURROGATES, lone)


def _for_bytes(value: bytes | bytearray | memoryview) -> StandIn:
    return StandIn(b64encode(value).decode(), BYTES)


def _as_number(value: object) -> float | None:
    """Return a number of any class, such as NumPy's, as Python's own; ``None`` if it is not a number."""
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real) and not isinstance(value, Rational):
        return float(value)
    cls = type(value)
    return bool(value) if cls.__module__ == "numpy" and cls.__name__.startswith("bool") else None


def is_utf8(text: str) -> bool:
    """Return whether UTF-8 can hold a text, which has no lone surrogates then."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_surrogate(code: int) -> bool:
    return _FIRST_SURROGATE <= code <= _LAST_SURROGATE


def _without_surrogates(text: str) -> str:
    return "".join(_REPLACEMENT if _is_surrogate(ord(letter)) else letter for letter in text)
